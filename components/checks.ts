import { isHostIn, networkOf } from "../lib/network.ts";
import { anyOf, suggestion } from "../lib/words.ts";
import { refusalsOf } from "../steps/image/plan/refusals.ts";
import { isNomadClient } from "../steps/image/roles/nomad.ts";
import { serversOf } from "../steps/image/roles/servers.ts";
import { labRouterName, routerMacs } from "../steps/lab/facts.ts";
import { hostOf } from "../steps/router/catalogue.ts";
import type { Fault } from "./faults.ts";
import { labArchitecture } from "./host.ts";
import type { Machine, Settings } from "./schema/stack.ts";

type Checked = Pick<Settings, "images" | "jobs" | "lab" | "machines" | "network">;

/** Checks across settings: whether the machines fit each other, their images and their network. */
export function checkMachines(settings: Checked): Fault[] {
  return [
    ...checkUnique(settings),
    ...checkAddresses(settings),
    ...checkRouter(settings),
    ...checkImages(settings),
    ...checkServers(settings, "consul"),
    ...checkServers(settings, "nomad"),
    ...checkJobs(settings),
    ...checkLab(settings),
  ];
}

function checkUnique({ machines }: Checked): Fault[] {
  return (["name", "mac", "ip"] as const).flatMap((property) => {
    const first = new Map<string, number>();
    return machines.flatMap((machine, index) => {
      const value = machine[property];
      const owner = first.get(value);
      if (owner === undefined) first.set(value, index);
      if (owner === undefined) return [];
      return [{ path: ["machines", index, property], value, reason: `must be unique: machines[${owner}] has it too` }];
    });
  });
}

function checkAddresses({ machines, network }: Checked): Fault[] {
  return machines.flatMap(({ ip }, index) =>
    isHostIn(network.cidr, ip)
      ? []
      : [
          {
            path: ["machines", index, "ip"],
            value: ip,
            reason: `must be a host address of the network ${network.cidr}`,
          },
        ],
  );
}

/** The router is a machine of the network, too; that of a lab has a name and an image beside the stack's own. */
function checkRouter({ images, lab, machines, network }: Checked): Fault[] {
  const host = hostOf(network.router);
  const own: [keyof Machine, string][] = lab
    ? [
        ["name", labRouterName],
        ["ip", networkOf(network.cidr).router],
        ...Object.values(routerMacs).map((mac): [keyof Machine, string] => ["mac", mac]),
      ]
    : host !== undefined
      ? [["ip", host]]
      : [];
  const taken = machines.flatMap((machine, index) =>
    own
      .filter(([property, value]) => machine[property] === value)
      .map(([property, value]) => ({
        path: ["machines", index, property],
        value,
        reason: "must be unique: the router has it too",
      })),
  );
  const hasItsImage = lab && Object.hasOwn(images, labRouterName);
  return [
    ...taken,
    ...(hasItsImage
      ? [
          {
            path: ["images", labRouterName],
            reason: "must have another name: the image of the lab's router has this one",
          },
        ]
      : []),
  ];
}

function checkImages({ images, lab, machines }: Checked): Fault[] {
  const known = Object.keys(images);
  const rule = known.length > 0 ? `must be one of the images: ${anyOf(known)}` : "must be an image, and there are none";
  const undefinedImages = machines.flatMap(({ image }, index) =>
    Object.hasOwn(images, image)
      ? []
      : [{ path: ["machines", index, "image"], value: image, reason: `${rule}${suggestion(image, known)}` }],
  );
  const refused = Object.entries(images).flatMap(([name, image]) =>
    refusalsOf({ name, ...image, files: [] }, { isLab: Boolean(lab), host: labArchitecture }).map(
      ({ path, ...fault }) => ({
        path: ["images", name, ...path],
        ...fault,
      }),
    ),
  );
  return [...undefinedImages, ...refused];
}

function checkServers(settings: Checked, agent: "consul" | "nomad"): Fault[] {
  const isUsed = settings.machines.some(({ image }) => settings.images[image]?.roles[agent]);
  if (!isUsed) return [];
  const count = serversOf(settings, agent).length;
  const title = agent === "consul" ? "Consul" : "Nomad";
  const fault = (reason: string): Fault[] => [{ path: ["machines"], reason }];
  if (count === 0) return fault(`must have a ${title} server: give an image the role \`${agent}: server\``);
  if (settings.lab) return [];
  if (count < 3) return fault(`must have three ${title} servers, or five: ${count} can't lose one`);
  if (count % 2 === 0)
    return fault(`must have an odd number of ${title} servers: ${count} survive no more failures than ${count - 1}`);
  return [];
}

function checkJobs({ images, jobs, machines }: Checked): Fault[] {
  const runsJobs = machines.some(({ image }) => isNomadClient(images[image]?.roles.nomad?.role));
  if (runsJobs || Object.keys(jobs).length === 0) return [];
  return [{ path: ["jobs"], reason: "must have a machine to run on: give an image the role `nomad: both`" }];
}

function checkLab({ lab, network }: Checked): Fault[] {
  return lab && networkOf(network.cidr).prefix < 24
    ? [{ path: ["network", "cidr"], value: network.cidr, reason: "must be a /24 or smaller in a lab" }]
    : [];
}

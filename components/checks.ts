import { isHostIn, networkOf } from "../lib/network.ts";
import { is32Bit, isRaspberryPi } from "../steps/image/boards/catalogue.ts";
import { faultsOfConfig } from "../steps/image/plan/boot-settings.ts";
import { isNomadClient } from "../steps/image/roles/nomad.ts";
import { labRouterName, routerMacs } from "../steps/lab/spec.ts";
import type { Fault } from "./faults.ts";
import { type Machine, type Settings, serversOf } from "./settings.ts";

type Checked = Pick<Settings, "images" | "jobs" | "lab" | "machines" | "network">;

/** What no single setting shows: whether the machines fit each other, their images and their network. */
export function checkMachines(settings: Checked): Fault[] {
  return [
    ...checkUnique(settings),
    ...checkAddresses(settings),
    ...checkRouter(settings),
    ...checkImages(settings),
    ...checkKeptData(settings),
    ...checkBases(settings),
    ...checkBoot(settings),
    ...checkServers(settings, "consul"),
    ...checkServers(settings, "nomad"),
    ...checkJobs(settings),
    ...checkLab(settings),
  ];
}

function checkUnique({ machines }: Checked): Fault[] {
  return (["name", "mac", "ip"] as const).flatMap((property) => {
    const first = new Map<string, string>();
    return machines.flatMap((machine, index) => {
      const owner = first.get(machine[property]);
      if (owner === undefined) first.set(machine[property], machine.name);
      if (owner === undefined) return [];
      return [{ path: ["machines", index, property], value: machine[property], reason: `is already that of ${owner}` }];
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
            reason: `is not a host address of the network ${network.cidr}`,
          },
        ],
  );
}

/** The router is a machine of the network, too; that of a lab has a name and an image beside the stack's own. */
function checkRouter({ images, lab, machines, network }: Checked): Fault[] {
  const { router } = network;
  const own: [keyof Machine, string][] = lab
    ? [
        ["name", labRouterName],
        ["ip", networkOf(network.cidr).router],
        ...Object.values(routerMacs).map((mac): [keyof Machine, string] => ["mac", mac]),
      ]
    : router.kind === "dnsmasq"
      ? [["ip", router.host]]
      : [];
  const taken = machines.flatMap((machine, index) =>
    own
      .filter(([property, value]) => machine[property] === value)
      .map(([property, value]) => ({ path: ["machines", index, property], value, reason: "is the router's own" })),
  );
  const hasItsImage = lab && Object.hasOwn(images, labRouterName);
  return [
    ...taken,
    ...(hasItsImage ? [{ path: ["images", labRouterName], reason: "is the name of the lab router's own image" }] : []),
  ];
}

function checkImages({ images, lab, machines }: Checked): Fault[] {
  const known = Object.keys(images).join(", ") || "none";
  const undefinedImages = machines.flatMap(({ image }, index) =>
    Object.hasOwn(images, image)
      ? []
      : [{ path: ["machines", index, "image"], value: image, reason: `is none of the images: ${known}` }],
  );
  const nomadOn32Bit = Object.entries(images).flatMap(([name, { board, roles }]) =>
    roles.nomad && is32Bit(board)
      ? [
          {
            path: ["images", name, "roles", "nomad"],
            reason: `${board} is a 32-bit board; Nomad has no 32-bit releases`,
          },
        ]
      : [],
  );
  return [...undefinedImages, ...nomadOn32Bit, ...checkRoles(images, Boolean(lab))];
}

/** Roles that can't do what they are for. */
function checkRoles(images: Checked["images"], isLab: boolean): Fault[] {
  return Object.entries(images).flatMap(([name, { roles }]) => {
    const fault = (role: keyof typeof roles, reason: string) => ({ path: ["images", name, "roles", role], reason });
    return [
      ...(isLab && roles.wifi ? [fault("wifi", "is for real machines: virtual ones have no radio")] : []),
      ...(!isLab && roles.ssh?.keys.length === 0
        ? [fault("ssh", "has no keys, so nobody could log in: name a public key, or leave ssh out")]
        : []),
    ];
  });
}

function checkKeptData({ images }: Checked): Fault[] {
  return Object.entries(images).flatMap(([name, { board, keepData }]) =>
    keepData && board === "lab"
      ? [
          {
            path: ["images", name, "keepData"],
            reason: "is for cards; the lab's machines keep their data disks anyway",
          },
        ]
      : [],
  );
}

/** An existing image has a Raspberry Pi's boot partition, and its own initial RAM disk. */
function checkBases({ images }: Checked): Fault[] {
  return Object.entries(images).flatMap(([name, { base, board, readOnlyRoot }]) => {
    if (!("image" in base)) return [];
    return [
      ...(isRaspberryPi(board)
        ? []
        : [{ path: ["images", name, "base"], reason: `can't be an image on ${board}: that is for a Raspberry Pi` }]),
      ...(readOnlyRoot
        ? [
            {
              path: ["images", name, "readOnlyRoot"],
              reason: "can't be had on an existing image, which starts with an initial RAM disk of its own",
            },
          ]
        : []),
    ];
  });
}

/** What the firmware of a Raspberry Pi reads, and no other. */
function checkBoot({ images }: Checked): Fault[] {
  return Object.entries(images).flatMap(([name, { base, board, boot }]) =>
    faultsOfConfig(boot.config, board, "image" in base).map(({ index, reason }) => ({
      path: ["images", name, "boot", "config", index],
      reason,
    })),
  );
}

function checkServers(settings: Checked, agent: "consul" | "nomad"): Fault[] {
  const isUsed = settings.machines.some(({ image }) => settings.images[image]?.roles[agent]);
  if (!isUsed) return [];
  const count = serversOf(settings, agent).length;
  const title = agent === "consul" ? "Consul" : "Nomad";
  const fault = (reason: string): Fault[] => [{ path: ["machines"], reason }];
  if (count === 0) return fault(`no machine is a ${title} server: give an image the role \`${agent}: server\``);
  if (settings.lab) return [];
  if (count < 3) return fault(`${count} ${title} server(s) can't lose one: have three, or five`);
  if (count % 2 === 0)
    return fault(`${count} ${title} servers survive no more failures than ${count - 1}: have an odd number`);
  return [];
}

function checkJobs({ images, jobs, machines }: Checked): Fault[] {
  const runsJobs = machines.some(({ image }) => isNomadClient(images[image]?.roles.nomad?.role));
  if (runsJobs || Object.keys(jobs).length === 0) return [];
  return [{ path: ["jobs"], reason: "can't run: no machine is a Nomad client; give an image the role `nomad: both`" }];
}

function checkLab({ images, lab, network }: Checked): Fault[] {
  const boards = Object.entries(images).flatMap(([name, { board }]) =>
    (board === "lab") === Boolean(lab)
      ? []
      : [
          {
            path: ["images", name, "board"],
            reason: lab
              ? `is ${board}, but this stack's machines are virtual: lab`
              : "lab is for virtual machines only",
          },
        ],
  );
  if (!lab) return boards;
  const { prefix } = networkOf(network.cidr);
  const size =
    prefix < 24
      ? [{ path: ["network", "cidr"], reason: "is too large for a lab, whose network is a /24 or smaller" }]
      : [];
  return [...boards, ...size];
}

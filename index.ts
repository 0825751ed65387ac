/** From bare disk to running job: images → DHCP reservations → machines → ready? → updates → Consul keys → Nomad jobs. */
import * as pulumi from "@pulumi/pulumi";
import { ClusterAccess } from "./components/access.ts";
import { keepSecret, keepSecrets, readSettings, reportingFaults } from "./components/config.ts";
import { buildImages } from "./components/images.ts";
import { NomadJobs, readJobs } from "./components/jobs.ts";
import { ConsulKeys } from "./components/kv.ts";
import { Lab } from "./components/lab.ts";
import { expectedMachines, nomadServers } from "./components/machines.ts";
import { ClusterReady } from "./components/ready.ts";
import { remedy } from "./components/remedy.ts";
import { DhcpReservations } from "./components/reservations.ts";
import { ClusterSecrets } from "./components/secrets.ts";
import { Updates } from "./components/updates.ts";
import { stackDir } from "./lib/paths.ts";
import { serversOf } from "./steps/image/roles/servers.ts";

const stack = pulumi.getStack();
const settings = readSettings();
const { builder, datacenter, network, wait } = settings;
const kv = keepSecrets("kv", settings.kv);
const jobs = reportingFaults(() => readJobs(settings.jobs));
const outputDir = stackDir(stack, "images");
const labDir = stackDir(stack, "lab");

const secrets = new ClusterSecrets("cluster", settings);
const lab = settings.lab && new Lab("lab", { dir: labDir, outputDir, hardware: settings.lab, network, builder });
const deletedWith = lab?.folder;

const images = buildImages(settings, secrets, outputDir, lab?.publicKey);

const router = lab?.router ?? network.router;
const reservations = new DhcpReservations("reservations", {
  router,
  machines: settings.machines,
  cidr: settings.network.cidr,
  deletedWith,
});

const running = lab?.start(settings.machines, images, secrets.access, reservations);
export const machines = keepSecret(
  "machines",
  pulumi.output(running ?? []).apply((ports) => expectedMachines(settings, ports)),
);

const ready = new ClusterReady(
  "ready",
  {
    datacenter,
    machines,
    access: secrets.access,
    deadlineSeconds: wait,
    remedy: remedy(stack, settings),
    guards: { kv, jobs },
  },
  { dependsOn: [reservations] },
);
export const consul = keepSecret("machines", ready.cluster.consulUrl);
export const nomad = keepSecret("machines", ready.cluster.nomadUrl);

// `./piinit build` leaves out what was never made: see cli/stack/image.ts.
const leftOut = process.env.PIINIT_LEFT_OUT?.split(",") ?? [];
const access = leftOut.includes("access")
  ? []
  : [new ClusterAccess("access", { settings, secrets, machines }, { dependsOn: [ready] })];
// A machine restarts for its update, and a job may need what only the new image has.
const updates =
  secrets.updates && !leftOut.includes("updates")
    ? [
        new Updates(
          "updates",
          { settings, secrets: secrets.updates, images, machines },
          { dependsOn: [ready, ...access] },
        ),
      ]
    : [];
const keys = leftOut.includes("keys")
  ? []
  : [
      new ConsulKeys(
        "keys",
        {
          consulUrl: consul,
          access: secrets.access,
          datacenter: keepSecret("datacenter", datacenter),
          values: kv,
          deletedWith,
        },
        { dependsOn: updates },
      ),
    ];
const hasNomad = serversOf(settings, "nomad").length > 0;
if (hasNomad && !leftOut.includes("jobs")) {
  const servers = machines.apply(nomadServers);
  new NomadJobs(
    "jobs",
    { nomadUrl: nomad, access: secrets.access, servers, jobs, isDisposable: lab !== undefined },
    { dependsOn: [...access, ...updates, ...keys] },
  );
}

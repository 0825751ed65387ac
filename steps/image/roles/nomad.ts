import { z } from "zod";
import { is32Bit } from "../../../toolchain/versions.ts";
import {
  combine,
  defineRole,
  file,
  type ImageContext,
  type ImageSecurity,
  privateJson,
  script,
  unit,
} from "../manifest/contribution.ts";
import type { Link } from "../manifest/manifest.ts";
import { autopilot } from "./autopilot.ts";
import { certificateFiles, certificateSettings } from "./certificates.ts";
import { docker, dockerPlugin } from "./docker.ts";
import { nomadAcl, nomadTls } from "./nomad-acl.ts";
import { nomadTasks } from "./nomad-tasks.ts";
import { hostVolumes, mountedVolumes, volumesSchema } from "./volumes.ts";

const modes = ["server", "client", "both"] as const;
export type NomadRole = (typeof modes)[number];

const schema = z.strictObject({
  role: z.enum(modes).meta({ description: "Servers decide where a job runs, clients run it.", example: "both" }),
  docker: z
    .boolean()
    .default(false)
    .meta({ description: "Docker for jobs too, beside the exec driver.", example: true }),
  dockerFolders: z.boolean().default(false).meta({
    description: "Containers may use the machine's own folders; whoever writes a job's file then owns the machine.",
    example: true,
  }),
  volumes: volumesSchema.meta({ description: "Disks for jobs, by the name that a job uses." }),
});

/** A Nomad agent. Servers decide where a job runs, clients run it. Its options may be just the role. */
export const nomad = defineRole({
  schema: z
    .preprocess((value) => (typeof value === "string" ? { role: value } : value), schema)
    .refine(({ role, docker, volumes }) => isNomadClient(role) || (!docker && Object.keys(volumes).length === 0), {
      error: "must be a client (role: client or both) to have docker or volumes: a server alone runs no jobs",
    })
    .refine(({ docker, dockerFolders }) => docker || !dockerFolders, {
      error: "must be false without docker",
      path: ["dockerFolders"],
    })
    .meta({ description: "A Nomad agent; `nomad: both` is short for `nomad: {role: both}`.", shortFor: "role" }),
  program: "nomad",
  row: {
    options: "`server`, `client` or `both`; or the long form below",
    ports: "4646 HTTPS and UI, 4647 and 4648 among the agents",
    registers: "Nomad itself does: `nomad` (servers), `nomad-client`",
  },
  refuse: (_options, { board, architecture }) =>
    is32Bit(architecture)
      ? `must be left out: ${board} is a 32-bit board, and Nomad has no 32-bit releases`
      : undefined,
  contribute: (options, context) =>
    combine(
      {
        directories: [{ path: "/etc/nomad.d", mode: "0755", owner: "root" }],
        files: [
          file("/etc/tmpfiles.d/nomad.conf", "d /data/nomad 0700 root root\n"),
          privateJson("/etc/nomad.d/nomad.json", agentConfig(options, context), "root"),
          script("/usr/lib/piinit/prepare-nomad", prepare(options.role)),
          ...certificateFiles(nomadTls, "root", context.security),
        ],
      },
      isNomadServer(options.role) && context.security ? nomadAcl(context.security) : {},
      isNomadClient(options.role) ? combine(chroot, nomadTasks) : {},
      options.docker ? docker : {},
      hostVolumes(options.volumes),
      unit("nomad.service", service, "multi-user.target"),
    ),
});

export const isNomadServer = (role: NomadRole | undefined): boolean => role === "server" || role === "both";
export const isNomadClient = (role: NomadRole | undefined): boolean => role === "client" || role === "both";

function agentConfig(options: z.output<typeof schema>, context: ImageContext): object {
  const { datacenter, nomadServers, gossipKeys, machines, security } = context;
  return {
    datacenter,
    data_dir: "/data/nomad",
    bind_addr: "0.0.0.0",
    consul: { address: "127.0.0.1:8500", ...(security && consulIdentities(options.role, security)) },
    ...(security && locks),
    disable_update_check: true,
    telemetry: {
      disable_hostname: true,
      prometheus_metrics: true,
      // Everybody on the network may read them, with the names of jobs in them.
      publish_allocation_metrics: machines.some(({ roles }) => roles.includes("prometheus")),
      publish_node_metrics: true,
      // As often as Prometheus asks. Each second, as by default, is most of what an idle Nomad does.
      collection_interval: "15s",
    },
    // By default, a connection to a machine without power is noticed after 40 s: by then, the machine at this end counts as down,
    // too, and its jobs run elsewhere.
    rpc: { keep_alive_interval: "5s", connection_write_timeout: "5s" },
    ...(isNomadServer(options.role) && {
      server: {
        enabled: true,
        bootstrap_expect: nomadServers.length,
        encrypt: gossipKeys.nomad,
        // By default, servers elect a new leader after a second of silence, which is common on a busy small machine. The leader
        // speaks up to five times as seldom then.
        raft_multiplier: 5,
        // By default, a new leader waits five minutes for each machine's sign of life: so long, the jobs of a machine that was lost
        // together with its leadership would run nowhere. Machines give one every 10 to 20 seconds.
        failover_heartbeat_ttl: "30s",
        // A machine needs up to 12 s to find that the server it talks to has lost its power, and to tell another one that it is well.
        heartbeat_grace: "20s",
        // Certificates decide who may be a client. By default, each one that joins is warned of.
        client_introduction: { enforcement: "none" },
        server_join: { retry_join: nomadServers, retry_interval: "5s" },
      },
      autopilot: autopilot(nomadServers),
    }),
    ...(isNomadClient(options.role) && {
      client: {
        enabled: true,
        servers: nomadServers,
        options: {
          "driver.allowlist": options.docker ? "exec,docker" : "exec",
          // Nomad would ask after each cloud for two seconds, and its servers would join the others only after that.
          "fingerprint.denylist": "env_aws,env_azure,env_digitalocean,env_gce",
        },
        // The default copies the whole system for every task, far too much for a card.
        chroot_env: { [chrootDir]: "/", "/usr/bin/busybox": "/bin/busybox" },
        host_volume: { bin: { path: "/usr/local/bin", read_only: true } },
      },
    }),
    ...(options.docker && { plugin: { docker: dockerPlugin(options.dockerFolders) } }),
  };
}

/** From the network by TLS only, and with a token; Consul and browsers have no certificate. */
const locks = {
  tls: {
    http: true,
    rpc: true,
    ...certificateSettings(nomadTls),
    verify_server_hostname: true,
    verify_https_client: false,
  },
  acl: { enabled: true },
};

/** What Nomad itself may do in Consul; services and tasks get an identity of their own from its servers. */
function consulIdentities(role: NomadRole, { tokens }: ImageSecurity): object {
  const identity = { aud: ["consul.io"], ttl: "1h" };
  if (!isNomadServer(role)) return { token: tokens.nomadClient };
  return { token: tokens.nomadServer, service_identity: identity, task_identity: identity };
}

const chrootDir = "/usr/lib/piinit/chroot";

/** The small root of an exec driver's task: busybox under the names of the usual commands. */
const applets =
  "awk basename cat cp cut date dirname echo env expr false find grep gzip head hostname httpd id kill ln ls mkdir mv nc nslookup od ping printf ps pwd readlink rm rmdir sed seq sh sleep sort stat tail tar tee test touch tr true uname uniq wc wget whoami xargs".split(
    " ",
  );

const chroot = {
  packages: ["busybox-static"],
  directories: [
    { path: chrootDir, mode: "0755", owner: "root" },
    { path: `${chrootDir}/bin`, mode: "0755", owner: "root" },
    { path: `${chrootDir}/etc`, mode: "0755", owner: "root" },
  ],
  files: [
    file(`${chrootDir}/etc/passwd`, "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
    file(`${chrootDir}/etc/group`, "root:x:0:\nnogroup:x:65534:\n"),
  ],
  links: applets.map((applet): Link => ({ path: `${chrootDir}/bin/${applet}`, target: "busybox" })),
};

const prepare = (role: NomadRole) => [prepareAny, ...(isNomadServer(role) ? [prepareServer] : []), "sync\n"].join("");

const prepareAny = `#!/bin/sh
# Runs before Nomad starts: what a power cut may have broken is made whole.
set -eu
/usr/lib/piinit/wait-for-name
# The image knows no address, and a machine may have several.
read -r _ address _ </run/piinit/machine
mkdir -p /run/piinit/nomad
echo "{\\"advertise\\": {\\"http\\": \\"$address\\", \\"rpc\\": \\"$address\\", \\"serf\\": \\"$address\\"}}" >/run/piinit/nomad/address.json
[ ! -x ${mountedVolumes} ] || ${mountedVolumes} >/run/piinit/nomad/volumes.json
become_another_client() { rm -f /data/nomad/client/client-id /data/nomad/client/secret-id; }
# Servers accept a client's id only with its own secret: one without the other is no identity.
[ -s /data/nomad/client/client-id ] && [ -s /data/nomad/client/secret-id ] || become_another_client
# A task keeps the address that it was given: under another one, the machine is another client, and its jobs are placed anew.
known=/data/nomad/client-address
[ ! -s $known ] || [ "$(cat $known)" = "$address" ] || become_another_client
echo "$address" >$known
`;

const prepareServer = `# A server that has an id is known to the others by it, and keeps it. A power cut may have left an empty one.
id=/data/nomad/server/node-id
grep -qx '[0-9a-f-]\\{36\\}' $id 2>/dev/null || /usr/lib/piinit/node-id $id
# The gossip key of the image holds; Nomad's own copy could disagree, or be empty.
rm -f /data/nomad/server/serf.keyring
# A half-written key stops the server; without it, it is fetched from the others.
for key in /data/nomad/server/keystore/*.nks.json; do
  [ ! -f "$key" ] || [ "$(tail -c 1 "$key" | tr -d '\\n')" = "}" ] || rm -f "$key"
done
`;

// Nomad starts tasks as other users in their own namespaces, so it needs root and no sandbox.
const service = `[Unit]
Description=Nomad agent
Documentation=https://developer.hashicorp.com/nomad/docs
Wants=network.target consul.service
After=network.target time-sync.target take-name.service consul.service docker.service
RequiresMountsFor=/data
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStartPre=/usr/lib/piinit/prepare-nomad
ExecStart=/usr/local/bin/nomad agent -config=/etc/nomad.d -config=/run/piinit/nomad
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
KillSignal=SIGINT
TimeoutStartSec=infinity
TimeoutStopSec=15
Restart=always
RestartSec=2
LimitNOFILE=65536
LimitNPROC=infinity
TasksMax=infinity
OOMScoreAdjust=-1000
`;

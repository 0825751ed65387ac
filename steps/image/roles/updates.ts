import { wantedKey } from "../../update-messages.ts";
import { type Contribution, combine, file, type ImageSecurity, mask, script, unit } from "../manifest/contribution.ts";
import type { Manifest, Signer } from "../manifest/manifest.ts";
import { compatibleWith } from "../manifest/slots.ts";
import { bootChoice } from "./boot-choice.ts";
import { slotPartition } from "./card.ts";
import { pathsIn } from "./certificates.ts";
import { drain, type Parts, whyUnhealthy } from "./health.ts";
import { isNomadClient, isNomadServer } from "./nomad.ts";
import { confirm, deadline, take } from "./update-scripts.ts";

/** What updates of an image depend on. */
export interface UpdateOptions {
  image: Pick<Manifest, "name" | "board" | "disk">;
  roles: { consul?: "server" | "client" | undefined; nomad?: { role: "server" | "client" | "both" } | undefined };
  security: ImageSecurity;
  signer: Pick<Signer, "certificate">;
}

/** The machine's own certificate, for the computer that it gets an update from. */
const tls = "/etc/piinit/updates";

/**
 * The machine takes a new image over the network when Consul has one for it: downloads it, installs it into the slot that
 * doesn't run, starts that on trial, and keeps it if it is healthy. All by itself, so whoever asked for it may be gone.
 */
export function updates({ image, roles, security, signer }: UpdateOptions): Contribution {
  const { firmware } = image.disk;
  if (firmware === "none" || !image.disk.slots) return {};
  const { ca, certificate, key, tokens } = security;
  const nomad = roles.nomad?.role;
  const parts: Parts = {
    consulServer: roles.consul === "server",
    nomadServer: isNomadServer(nomad),
    nomadClient: isNomadClient(nomad),
  };
  return combine(
    {
      packages: ["curl", "rauc", "rauc-service"],
      directories: [{ path: "/etc/piinit", mode: "0755", owner: "root" }],
      files: [
        file("/etc/rauc/system.conf", systemConf(image)),
        file("/etc/rauc/keyring.pem", signer.certificate),
        file(pathsIn(tls).ca, ca),
        file(pathsIn(tls).certificate, certificate),
        file(pathsIn(tls).key, key, { mode: "0600" }),
        file("/etc/piinit/consul-token", `X-Consul-Token: ${tokens.machine}\n`, { mode: "0600" }),
        file("/etc/tmpfiles.d/piinit-updates.conf", folders),
        script("/usr/lib/piinit/boot-choice", bootChoice(firmware)),
        script("/usr/lib/piinit/why-unhealthy", whyUnhealthy(parts)),
        ...(parts.nomadClient ? [script("/usr/lib/piinit/drain", drain)] : []),
        script("/usr/lib/piinit/consul-watch", consulWatch),
        script("/usr/lib/piinit/look-for-update", "#!/bin/sh\ncat >/run/piinit/wanted/key\n"),
        script("/usr/lib/piinit/take-update", take(pathsIn(tls))),
        script("/usr/lib/piinit/confirm-update", confirm),
        script("/usr/lib/piinit/end-trial", deadline),
      ],
      // They would call a slot good as soon as it has started.
      links: ["rauc-mark-good.service", "systemd-bless-boot.service"].map(mask),
    },
    unit("take-update.path", takePath, "paths.target"),
    unit("take-update.service", takeService),
    unit("confirm-update.service", confirmService, "multi-user.target"),
    unit("end-trial.service", deadlineService, "sysinit.target"),
  );
}

const systemConf = (image: UpdateOptions["image"]): string => `[system]
compatible=${compatibleWith(image)}
bootloader=custom
bundle-formats=plain
statusfile=/data/rauc/status
mountprefix=/run/rauc
activate-installed=false

[handlers]
bootloader-custom-backend=/usr/lib/piinit/boot-choice

[keyring]
path=/etc/rauc/keyring.pem
${(["A", "B"] as const).map(slotConf).join("")}`;

const slotConf = (slot: "A" | "B", index: number): string => `
[slot.rootfs.${index}]
device=${slotPartition(slot)}
type=ext4
bootname=${slot}
resize=true
`;

const folders = `d /data/rauc 0700 root root
d /run/piinit/wanted 0750 consul consul
`;

// The watch's own first call comes after every start of the agent.
const consulWatch = `#!/bin/sh
# consul-watch NAME: the part of Consul's configuration with which it tells of an update for the machine of that name.
token=$(sed 's/^X-Consul-Token: //' /etc/piinit/consul-token)
cat <<END
{"watches": [{"type": "key", "key": "${wantedKey("$1")}", "token": "$token", "handler_type": "script", "args": ["/usr/lib/piinit/look-for-update"]}]}
END
`;

const takePath = `[Unit]
Description=Watch for an update of this machine

[Path]
PathChanged=/run/piinit/wanted/key
`;

const takeService = `[Unit]
Description=Take an update of this machine
RequiresMountsFor=/data
After=confirm-update.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/lib/piinit/take-update
Nice=10
IOSchedulingClass=idle
`;

const confirmService = `[Unit]
Description=Keep or refuse the update of this machine that is on trial
RequiresMountsFor=/data
Wants=network.target
After=network.target

[Service]
Type=exec
ExecStart=/usr/lib/piinit/confirm-update
Restart=on-failure
RestartSec=10
`;

// Not ordered after anything that it may have to judge.
const deadlineService = `[Unit]
Description=Time limit of an update on trial
DefaultDependencies=no
After=systemd-udevd.service

[Service]
Type=exec
ExecStart=/usr/lib/piinit/end-trial
`;

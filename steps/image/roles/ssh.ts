import { z } from "zod";
import { type Contribution, combine, defineRole, enable, file, mask, script, unit } from "../manifest/contribution.ts";

const publicKey = z
  .string()
  .regex(
    /^(ssh-(ed25519|rsa)|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/]+=*( [^\n]*)?$/,
    "must be a public key, one line as in id_ed25519.pub",
  );

/** SSH for root with keys only; an image without this role has no SSH at all. */
export const ssh = defineRole({
  schema: z
    .strictObject({
      keys: z
        .array(publicKey)
        .default([])
        .meta({
          description: "Public keys that may log in as root. A lab's own key is added.",
          example: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX you@laptop"],
        }),
    })
    .meta({ description: "SSH for root, with keys only." }),
  row: { options: "`keys`: public keys", ports: "22" },
  refuse: ({ keys }, { isLab }) =>
    isLab || keys.length > 0 ? undefined : "must have a public key, or nobody could log in: name one, or leave ssh out",
  contribute: ({ keys }) =>
    combine(
      {
        packages: ["openssh-server"],
        files: [
          file("/etc/ssh/sshd_config.d/00-piinit.conf", sshdConfig),
          file("/root/.ssh/authorized_keys", keys.map((key) => `${key}\n`).join(""), { mode: "0600" }),
          script("/usr/lib/piinit/ssh-host-key", hostKey),
        ],
        directories: [{ path: "/root/.ssh", mode: "0700", owner: "root" }],
        links: [
          enable("ssh.service", "multi-user.target"),
          mask("ssh.socket"),
          // Debian's own makes keys on the first boot only, and a new image would lose them.
          mask("sshd-keygen.service"),
        ],
      },
      unit("ssh-host-key.service", hostKeyService, "multi-user.target"),
    ),
});

/** Turns off the SSH server that an image's base may have. */
export const noSsh: Contribution = { links: ["ssh.service", "ssh.socket", "sshswitch.service"].map(mask) };

// sshd uses the first value it reads, so this file must precede those of a base image.
const sshdConfig = `HostKey /data/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
UseDNS no
`;

const hostKey = `#!/bin/sh
# Makes the SSH host key once; it stays on the data file system when the image changes.
set -eu
key=/data/ssh/ssh_host_ed25519_key
ssh-keygen -y -f "$key" >/dev/null 2>&1 && exit 0
install -d -m 0700 /data/ssh
rm -f "$key" "$key.pub"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$key"
sync
`;

const hostKeyService = `[Unit]
Description=SSH host key
RequiresMountsFor=/data
Before=ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/piinit/ssh-host-key
`;

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { findOnPath } from "../../../lib/host.ts";
import { run } from "../../../lib/run.ts";
import { addSbin } from "../sshd.ts";

export const isRoot = process.getuid?.() === 0;

/** Arguments of `unshare` for a network of one's own, which an ordinary user may have, too. */
export const ownNetwork = (): string[] => (isRoot ? ["--net"] : ["--user", "--map-root-user", "--net"]);

/** Says why a network of one's own can't be made here, or which of these programs isn't there; nothing when all is well. */
export async function whyNoNetwork(...programs: string[]): Promise<string | undefined> {
  addSbin();
  for (const program of [...programs, "ip", "unshare", "nsenter"])
    if (!(await findOnPath(program, process.env))) return `${program} is not installed`;
  return await run("unshare", [...ownNetwork(), "true"]).then(
    () => undefined,
    () => "this user may not make a network namespace",
  );
}

/** Arguments of `nsenter` for the network of a process that has one. */
export const networkOf = (pid: number): string[] => [
  `--target=${pid}`,
  ...(isRoot ? [] : ["--user"]),
  "--net",
  "--preserve-credentials",
];

/** Lines of a shell script that lay a cable in such a network: the router at one end, the machines in turn at the other. */
export const layCable: readonly string[] = [
  "set -e",
  "ip link set lo up",
  "ip link add home0 type veth peer name pi0",
  "ip addr add 192.168.2.1/24 dev home0",
  "ip link set home0 up",
  "ip link set pi0 up",
];

/** A machine with that MAC asks for a lease, as after power-on; answers what it was given. */
export async function askForLease(pid: number, dir: string, mac: string): Promise<{ ip: string; hostname: string }> {
  const script = path.join(dir, "lease.sh");
  await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "bound $ip $hostname"\nexit 0\n', { mode: 0o755 });
  await run("nsenter", [...networkOf(pid), "ip", "link", "set", "pi0", "address", mac]);
  const client = ["busybox", "udhcpc", "-i", "pi0", "-f", "-n", "-q", "-t", "5", "-s", script];
  const answer = await run("nsenter", [...networkOf(pid), ...client]);
  const [, ip = "", hostname = ""] = /^bound (\S+) ?(\S*)$/m.exec(answer) ?? [];
  return { ip, hostname };
}

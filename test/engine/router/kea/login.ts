import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { findOnPath } from "../../../../lib/host.ts";
import { run } from "../../../../lib/run.ts";
import type { DebianRoot } from "../../debian-root.ts";
import { startSshd } from "../../sshd.ts";
import type { Relay } from "../relay.ts";

/** The programs by which a script can talk to a UNIX socket, the preferred ones first. */
export const talkers = ["socat", "nc", "python3"] as const;

/** Where those of Debian are in a root of its packages. */
const inRoot: Readonly<Record<string, string>> = { socat: "usr/bin/socat1", nc: "usr/bin/nc.openbsd" };

/** This machine's Python. The system's own comes first: a version manager's stand-in would not start without its environment. */
const pythonHere = () => findOnPath("python3", { PATH: `/usr/bin:/bin:${process.env.PATH}` });

/** Those that can be had here. */
export async function talkersHere(): Promise<string[]> {
  const hasPython = (await pythonHere()) !== undefined;
  return talkers.filter((name) => name in inRoot || hasPython);
}

async function commandOf(talker: string, root: DebianRoot): Promise<string[]> {
  const program = inRoot[talker];
  if (program) return root.start(program);
  return [(await pythonHere()) ?? "false"];
}

/**
 * An sshd on 127.0.0.1 whose sessions have busybox's programs, and of those above the ones that they are left, from a root
 * (`keaRoot`). They pass the relay, if there is one.
 */
export async function startLogin(dir: string, root: DebianRoot, relay?: Relay) {
  const bin = path.join(dir, "bin");
  await mkdir(bin);
  const busybox = (await run("sh", ["-c", "command -v busybox"])).trim();
  await run(busybox, ["--install", "-s", bin]);
  const leaveOnly = async (...wanted: readonly string[]) => {
    for (const name of talkers) {
      const file = path.join(bin, name);
      await rm(file, { force: true });
      const command = wanted.includes(name) ? (await commandOf(name, root)).join(" ") : undefined;
      if (command) await writeFile(file, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
      // Busybox's `nc` knows no UNIX sockets.
      else if (name === "nc") await symlink(busybox, file);
    }
  };
  await leaveOnly(...talkers);
  // Debian's busybox as a shell would take its own `nc`, whatever the PATH has.
  const shell = ["env", "-i", `PATH=${bin}`, "/bin/sh", "-s"];
  const ssh = await startSshd(dir, [`ForceCommand ${relay?.commandFor(shell) ?? shell.join(" ")}`]);
  let logins = 0;
  ssh.sshd.stderr?.on("data", (data) => {
    logins += String(data).match(/Accepted publickey/g)?.length ?? 0;
  });
  return { ...ssh, bin, leaveOnly, logins: () => logins };
}

import { mkdir, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { findOnPath } from "../../../../lib/host.ts";
import { run } from "../../../../lib/run.ts";
import { startSshd } from "../../sshd.ts";
import type { Relay } from "../relay.ts";

/** The programs by which a script can talk to a UNIX socket, the preferred ones first. */
export const talkers = ["socat", "nc", "python3"] as const;

/** Where one of them is on this machine, if it is; not every `nc` can. */
export async function talkerAt(name: string): Promise<string | undefined> {
  // The system's own come first: a version manager's stand-in would not start without its environment.
  const found = await findOnPath(name, { PATH: `/usr/bin:/bin:${process.env.PATH}` });
  if (name !== "nc" || !found) return found;
  const help = await run("sh", ["-c", '"$0" -h 2>&1 || true', found]);
  return /-U/.test(help) ? found : undefined;
}

/**
 * An sshd on 127.0.0.1 whose sessions have busybox's programs, and of those above the ones that they are left. They pass
 * the relay, if there is one.
 */
export async function startLogin(dir: string, relay?: Relay) {
  const bin = path.join(dir, "bin");
  await mkdir(bin);
  const busybox = (await run("sh", ["-c", "command -v busybox"])).trim();
  await run(busybox, ["--install", "-s", bin]);
  const leaveOnly = async (...wanted: readonly string[]) => {
    for (const name of talkers) {
      const link = path.join(bin, name);
      await rm(link, { force: true });
      // Busybox's `nc` knows no UNIX sockets.
      const target = wanted.includes(name) ? await talkerAt(name) : name === "nc" ? busybox : undefined;
      if (target) await symlink(target, link);
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

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { findOnPath } from "../../lib/host.ts";
import { run } from "../../lib/run.ts";
import { freePort } from "./ports.ts";

/** Says why no sshd can be started here, or nothing when it can. */
export async function whyNoSshd(): Promise<string | undefined> {
  addSbin();
  return (await findOnPath("sshd", process.env)) ? undefined : "sshd is not installed";
}

/** sshd and its like are the administrator's programs. */
export function addSbin(): void {
  if (!process.env.PATH?.includes("/usr/sbin")) process.env.PATH += ":/usr/sbin:/sbin";
}

/** Starts an sshd on 127.0.0.1 that lets this user in with a key of its own; `more` lines go into its configuration. */
export async function startSshd(dir: string, more: string[] = []) {
  const file = (name: string) => path.join(dir, name);
  for (const key of ["host_key", "user_key"])
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file(key)]);
  const port = await freePort();
  await writeFile(
    file("sshd_config"),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${file("host_key")}`,
      `AuthorizedKeysFile ${file("user_key.pub")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      "MaxStartups 50",
      ...more,
      "",
    ].join("\n"),
  );
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const program = (await run("sh", ["-c", "command -v sshd"])).trim();
  const sshd = spawn(program, ["-D", "-e", "-f", file("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  await lineWith(sshd, /listening on/);
  const hostKey = (await readFile(file("host_key.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
  return { sshd, login: { port, hostKey, keyFile: file("user_key") } };
}

async function lineWith(child: ChildProcess, pattern: RegExp): Promise<void> {
  if (!child.stderr) throw new Error("no output to follow");
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    seen.push(line);
    if (pattern.test(line)) {
      child.stderr.resume();
      return;
    }
  }
  throw new Error(`ended without "${pattern.source}": ${seen.join("\n")}`);
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill();
  await ended;
}

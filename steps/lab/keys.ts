import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import path from "node:path";
import { inUnfinishedFolder, writeFileWhole } from "../../lib/files.ts";
import { run } from "../../lib/run.ts";
import { isMissing } from "./folder.ts";

export const keyFileOf = (dir: string) => path.join(dir, "id_ed25519");
const hostKeyFileOf = (dir: string) => path.join(dir, "router_host_key");
export const knownHostsOf = (dir: string) => path.join(dir, "known_hosts");

/** The lab's own key pair, made once: the path of the private key and the public half. */
export async function labKey(dir: string): Promise<{ keyFile: string; publicKey: string }> {
  const keyFile = keyFileOf(dir);
  return { keyFile, publicKey: await ensureKey(keyFile, "piinit-lab") };
}

/** The router's SSH host key, made once: the private key's text and the public half. */
export async function routerHostKey(dir: string): Promise<{ privateKey: string; publicKey: string }> {
  const publicKey = await ensureKey(hostKeyFileOf(dir), "");
  return { privateKey: await readFile(hostKeyFileOf(dir), "utf8"), publicKey };
}

/** Makes an ed25519 key (0600) unless there is one; returns its public half. */
async function ensureKey(file: string, comment: string): Promise<string> {
  if (!existsSync(file))
    await inUnfinishedFolder(path.dirname(file), async (folder) => {
      const fresh = path.join(folder, "key");
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", fresh]);
      await rename(fresh, file);
    });
  return (await run("ssh-keygen", ["-y", "-f", file])).trim();
}

/** Makes SSH accept only this key for the machine. */
export async function knowHost(dir: string, name: string, publicKey: string): Promise<void> {
  await changeKnownHosts(dir, name, [`${name} ${publicKey.split(" ", 2).join(" ")}`]);
}

/** Forgets the machine's SSH host key, because it is about to make a new one. */
export async function forgetHost(dir: string, name: string): Promise<void> {
  await changeKnownHosts(dir, name, []);
}

async function changeKnownHosts(dir: string, name: string, lines: string[]): Promise<void> {
  const known = await readFile(knownHostsOf(dir), "utf8").catch((error) => {
    if (isMissing(error)) return "";
    throw error;
  });
  const others = known.split("\n").filter((line) => line && line.split(" ", 1)[0] !== name);
  await writeFileWhole(knownHostsOf(dir), [...others, ...lines, ""].join("\n"), 0o600);
}

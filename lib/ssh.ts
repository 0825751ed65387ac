import { writeFile } from "node:fs/promises";
import path from "node:path";
import { inTemporaryFolder } from "./files.ts";

/** How to reach a machine; the user's own ssh configuration, keys and agent supply what is missing. */
export interface Login {
  host: string;
  port?: number | undefined;
  user?: string | undefined;
  /** "ssh-ed25519 AAAA…" */
  hostKey?: string | undefined;
  keyFile?: string | undefined;
}

const alias = "piinit";

/** Gives `work` the ssh arguments to run a command on the machine; removes the file with its host key afterwards. */
export async function withSshArguments<T>(
  login: Login,
  command: string,
  work: (args: string[]) => Promise<T>,
): Promise<T> {
  const { hostKey } = login;
  if (hostKey === undefined) return work(sshArguments(login, undefined, command));
  return inTemporaryFolder(async (folder) => {
    const knownHosts = path.join(folder, "known_hosts");
    await writeFile(knownHosts, `${alias} ${hostKey}\n`);
    return await work(sshArguments(login, knownHosts, command));
  });
}

/** A given host key is the only one accepted, whatever the machine's address and whatever known_hosts says. */
export function sshArguments(login: Login, knownHosts: string | undefined, command: string): string[] {
  const hostKey = {
    HostKeyAlias: alias,
    UserKnownHostsFile: knownHosts ?? "",
    GlobalKnownHostsFile: "/dev/null",
    ControlPath: "none",
    CheckHostIP: "no",
    UpdateHostKeys: "no",
  };
  return [
    "-T",
    ...sshOptions({
      BatchMode: "yes",
      StrictHostKeyChecking: "yes",
      ConnectTimeout: "10",
      LogLevel: "ERROR",
      ServerAliveInterval: "5",
      ServerAliveCountMax: "3",
      ClearAllForwardings: "yes",
      RemoteCommand: "none",
      ...(knownHosts && hostKey),
    }),
    ...(login.keyFile === undefined ? [] : ["-i", login.keyFile, ...sshOptions({ IdentitiesOnly: "yes" })]),
    ...portAndUser(login),
    "--",
    login.host,
    command,
  ];
}

/** Settings as SSH's own configuration files name them. */
export const sshOptions = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);

function portAndUser({ port, user }: Login): string[] {
  return [...(port === undefined ? [] : ["-p", String(port)]), ...(user === undefined ? [] : ["-l", user])];
}

/** Why an SSH connection failed, and what to do; `what` is the machine's role here, such as "router". */
export function sshFailure(what: string, login: Login, stderr: string): string {
  const where = `the ${what} ${login.host}${login.port === undefined ? "" : `, port ${login.port}`}`;
  const compare = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub";
  const known = login.hostKey === undefined ? "your known_hosts file" : "the stack's hostKey setting";
  if (/IDENTIFICATION HAS CHANGED|Host key verification failed/i.test(stderr) && !isUnknownHost(login, stderr))
    return [
      `${where}, has another host key than ${known} says: nothing was sent to it.`,
      `If it was set up anew, compare fingerprints at the ${what} itself (${compare}) and correct ${known}.`,
      "If it was not, something else answers at that address: find out what before you go on.",
    ].join("\n");
  if (isUnknownHost(login, stderr)) {
    const command = ["ssh", ...(login.port === undefined ? [] : ["-p", login.port]), nameOf(login)].join(" ");
    return [
      `${where}, is not in ${known}, so its host key can't be checked.`,
      `Log in once by hand (${command}), comparing the fingerprint with what`,
      `"${compare}" prints at the ${what} itself, or put the key into the stack's hostKey setting.`,
    ].join("\n");
  }
  if (/Permission denied|Too many authentication failures|no such identity/i.test(stderr)) {
    const user = login.user ?? "you";
    return [
      `${where}, does not let ${user} in with ${login.keyFile ?? "your SSH keys"}.`,
      `Put the public key into ${login.user ? `${user}'s` : "the user's"} authorized_keys on the ${what}; a key with a passphrase must be in the agent.`,
      lastLine(stderr),
    ].join("\n");
  }
  return `can't reach ${where}: ${lastLine(stderr) || "the connection ended early"}\nIs it on, and is this its address?`;
}

/** USER@HOST, or HOST without a user. */
export function nameOf({ user, host }: Login): string {
  return user === undefined ? host : `${user}@${host}`;
}

function isUnknownHost(login: Login, stderr: string): boolean {
  return login.hostKey === undefined && /host key is known for/i.test(stderr);
}

export function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.trim() ?? "";
}

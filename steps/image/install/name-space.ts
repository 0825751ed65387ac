import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";

/** What decides whether packages can be installed on this machine. */
export interface NameSpaceFacts {
  isRoot: boolean;
  user: string;
  /** Whether the kernel makes a name space for this user. */
  canUnshare: boolean;
  /** Whether the user has a range of user and group numbers for it. */
  hasRange: boolean;
}

const elsewhere = "or let another Linux build: `builder: {ssh: user@host}` in the stack's settings";

/** Why packages can't be installed, which takes files of many owners and a root of one's own, and what to do. */
export function nameSpaceFault({ isRoot, user, canUnshare, hasRange }: NameSpaceFacts): string | undefined {
  if (isRoot) {
    if (canUnshare) return undefined;
    return (
      "Packages can't be installed here: this root may not make a name space, as in a container without privileges. " +
      `Start the container with --privileged, ${elsewhere}.`
    );
  }
  if (!canUnshare) {
    return (
      "Packages can't be installed here: the kernel makes no user name space for a user who isn't root. Allow it " +
      "(sudo sysctl kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), " +
      `run as root, ${elsewhere}.`
    );
  }
  if (hasRange) return undefined;
  return (
    `Packages can't be installed here: ${user} has no range of user numbers in /etc/subuid and /etc/subgid. Add one ` +
    `(sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}), run as root, ${elsewhere}.`
  );
}

/** @throws UserError where packages can't be installed */
export async function checkNameSpace(): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const { username: user, uid } = userInfo();
  const kind = isRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
  const canUnshare = await runOnHost("unshare", [...kind, "true"]).then(
    () => true,
    () => false,
  );
  const ranges = await Promise.all(
    ["/etc/subuid", "/etc/subgid"].map((file) => readFile(file, "utf8").catch(() => "")),
  );
  const hasRange = ranges.every((text) =>
    text.split("\n").some((line) => [user, String(uid)].includes(line.split(":")[0] ?? "")),
  );
  const fault = nameSpaceFault({ isRoot, user, canUnshare, hasRange });
  if (fault) throw new UserError(fault);
}

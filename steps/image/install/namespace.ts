import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";

/** What determines whether packages can be installed on this machine. */
export interface NamespaceFacts {
  isRoot: boolean;
  user: string;
  /** Whether this user may create a namespace. */
  canUnshare: boolean;
  /** Whether /etc/subuid and /etc/subgid give the user a range of IDs. */
  hasRange: boolean;
}

const elsewhere = "or let another Linux build: `builder: {ssh: user@host}` in the stack's settings";

/** Why packages can't be installed and what to do. Installing needs root in a namespace, and files of many owners. */
export function namespaceFault({ isRoot, user, canUnshare, hasRange }: NamespaceFacts): string | undefined {
  if (isRoot) {
    if (canUnshare) return undefined;
    return (
      "Packages can't be installed here: root may not create a namespace, as in an unprivileged container. " +
      `Start the container with --privileged, ${elsewhere}.`
    );
  }
  if (!canUnshare) {
    return (
      "Packages can't be installed here: this user may not create a user namespace. Allow it " +
      "(sudo sysctl kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), " +
      `run as root, ${elsewhere}.`
    );
  }
  if (hasRange) return undefined;
  return (
    `Packages can't be installed here: ${user} has no range of IDs in /etc/subuid and /etc/subgid. Add one ` +
    `(sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}), run as root, ${elsewhere}.`
  );
}

/** @throws UserError if packages can't be installed on this machine */
export async function checkNamespace(): Promise<void> {
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
  const fault = namespaceFault({ isRoot, user, canUnshare, hasRange });
  if (fault) throw new UserError(fault);
}

const covered: readonly { folders: string[]; reason: string }[] = [
  {
    folders: ["/boot"],
    reason:
      "a machine starts from another partition, so it would have no effect. Set boot.kernel and boot.config instead",
  },
  {
    folders: ["/data"],
    reason: "the data partition is mounted there. Let a unit below /etc/systemd/system write it",
  },
  {
    folders: ["/dev", "/proc", "/run", "/sys", "/tmp", "/var/lock", "/var/run"],
    reason: "that folder is empty after every boot. Create the file with a line in /etc/tmpfiles.d",
  },
];

/** Why a file at that path of the image would have no effect, and what to do instead; undefined if it has one. */
export function withoutEffect(path: string): string | undefined {
  const isBelow = (folder: string) => path === folder || path.startsWith(`${folder}/`);
  const found = covered.find(({ folders }) => folders.some(isBelow));
  return found && `must be another path: ${found.reason}`;
}

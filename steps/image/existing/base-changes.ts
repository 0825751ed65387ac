/**
 * What is changed in an existing image, and what is omitted: whatever belongs to one machine, gives access to it, or runs
 * on its first boot. Paths are relative to the root folder.
 */

/** Folders that are copied without their content. */
const emptied = [
  "dev",
  "proc",
  "run",
  "sys",
  "tmp",
  "var/cache/apt/archives",
  "var/lib/apt/lists",
  "var/lib/cloud",
  "var/tmp",
];

const omitted = [
  /^lost\+found$/,
  /^etc\/hostname$/,
  /^etc\/ssh\/ssh_host_/,
  /^etc\/NetworkManager\/system-connections\/./,
  /^etc\/wpa_supplicant\/wpa_supplicant.*\.conf$/,
  /^var\/lib\/NetworkManager\/./,
  /^var\/lib\/(dbus\/machine-id|dhcp\/.|dhcpcd\/.|systemd\/random-seed)/,
  // Swap files, which the system makes for itself.
  /^(swapfile|var\/swap)$/,
];

/** Whether a file or folder of the base is omitted. */
export function isOmitted(path: string): boolean {
  return emptied.some((folder) => path.startsWith(`${folder}/`)) || omitted.some((pattern) => pattern.test(path));
}

/** Changes to files of the base. */
export const edits: Readonly<Record<string, (text: string) => string>> = {
  "etc/shadow": lockPasswords,
  "etc/hosts": withoutOwnName,
};

/** Locks all passwords, even empty ones: the passwords of a public image are public. */
function lockPasswords(shadow: string): string {
  return shadow.replace(/^([^:\n]+):(?![!*])[^:\n]*/gm, "$1:!*");
}

/** The address 127.0.1.1 stands for the machine's own name, which comes from DHCP. */
function withoutOwnName(hosts: string): string {
  return hosts.replace(/^127\.0\.1\.1\s.*\n?/gm, "");
}

/** Words of the kernel's command line that start first-boot actions, or that are set here. */
const ownWords = [
  /^root=/,
  /^init=/,
  /^resize$/,
  /^systemd\.(run|run_success_action|run_failure_action|unit)=/,
  /^ds=/,
  /^cgroup_disable=memory$/,
];

/** The base's cmdline.txt with the given words and the given root device. */
export function bootCommandLine(base: string, words: string, root: string): string {
  const wanted = words.split(/\s+/).filter(Boolean);
  const kept = (base.trim().split("\n")[0] ?? "")
    .split(/\s+/)
    .filter((word) => word !== "" && !wanted.includes(word) && !ownWords.some((pattern) => pattern.test(word)));
  return [...kept, `root=${root}`, ...wanted].join(" ");
}

/** Where the system mounts the FAT partition, relative to the root folder. */
export function bootFolder(fstab: string): string {
  const rows = fstab.split("\n").map((line) => line.trim().split(/\s+/));
  const mount = rows.find(
    ([device = "#", folder = "", type]) => !device.startsWith("#") && folder.startsWith("/boot") && type === "vfat",
  );
  return mount?.[1]?.slice(1) ?? "boot/firmware";
}

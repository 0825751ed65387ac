/**
 * What is changed of an image that somebody else made, and what is left out: all that belongs to one machine, that lets
 * somebody in, or that happens on its first boot. Paths are relative to the top folder.
 */

/** Of these folders only the folder itself is taken. */
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

const leftOut = [
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

/** Whether a file or folder of the base is not taken over. */
export function isLeftOut(path: string): boolean {
  return emptied.some((folder) => path.startsWith(`${folder}/`)) || leftOut.some((pattern) => pattern.test(path));
}

/** Files that are changed while they are taken over. */
export const edits: Readonly<Record<string, (text: string) => string>> = {
  "etc/shadow": lockPasswords,
  "etc/hosts": forgetName,
};

/** No password opens an account, not even an empty one: what an image is known to let in with is known to everybody. */
function lockPasswords(shadow: string): string {
  return shadow.replace(/^([^:\n]+):(?![!*])[^:\n]*/gm, "$1:!*");
}

/** The address 127.0.1.1 stands for the machine's own name, which comes from DHCP. */
function forgetName(hosts: string): string {
  return hosts.replace(/^127\.0\.1\.1\s.*\n?/gm, "");
}

/** Words of a kernel's command line that start what an image does once on its first boot, or that are set here. */
const ownWords = [
  /^root=/,
  /^init=/,
  /^resize$/,
  /^systemd\.(run|run_success_action|run_failure_action|unit)=/,
  /^ds=/,
  /^cgroup_disable=memory$/,
];

/** The base's cmdline.txt with the given words in it, and the root file system named by its partition. */
export function bootCommandLine(base: string, words: string, root: string): string {
  const wanted = words.split(/\s+/).filter(Boolean);
  const kept = (base.trim().split("\n")[0] ?? "")
    .split(/\s+/)
    .filter((word) => word !== "" && !wanted.includes(word) && !ownWords.some((pattern) => pattern.test(word)));
  return [...kept, `root=${root}`, ...wanted].join(" ");
}

/** Where the system mounts the FAT partition: a path relative to the top folder. */
export function bootFolder(fstab: string): string {
  const rows = fstab.split("\n").map((line) => line.trim().split(/\s+/));
  const mount = rows.find(
    ([device = "#", place = "", type]) => !device.startsWith("#") && place.startsWith("/boot") && type === "vfat",
  );
  return mount?.[1]?.slice(1) ?? "boot/firmware";
}

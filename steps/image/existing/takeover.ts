import { type InstalledPackage, parseDpkgStatus } from "../../../formats/dpkg-status.ts";
import { UserError } from "../../../lib/errors.ts";
import type { Architecture } from "../manifest/manifest.ts";

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

const oldest = 12;

/** Raspberry Pi OS calls all its 32-bit systems armhf, though they run on the first boards too. */
const systemArchitecture = (board: Architecture): Architecture => (board === "armel" ? "armhf" : board);

/**
 * The packages of a system that can be a base for that board.
 * @throws UserError for a system that is no Debian, too old, or for other processors
 */
export function checkSystem(osRelease: string, dpkgStatus: string, board: Architecture): InstalledPackage[] {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const packages = parseDpkgStatus(dpkgStatus);
  const dpkg = packages.find(({ name }) => name === "dpkg");
  const title = field("PRETTY_NAME") || "something unknown";
  if (!dpkg) throw new UserError(`The base image holds ${title}, which is no Debian: it has no packages of dpkg.`);
  if (Number.parseInt(field("VERSION_ID"), 10) < oldest) {
    throw new UserError(`The base image holds ${title}, but Debian ${oldest} (bookworm) or later is needed.`);
  }
  const wanted = systemArchitecture(board);
  if (dpkg.architecture !== wanted) {
    throw new UserError(
      `The base image holds ${title} for ${dpkg.architecture}, but the board needs one for ${wanted}.`,
    );
  }
  return packages;
}

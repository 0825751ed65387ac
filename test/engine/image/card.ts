import { chmod, mkdir, open, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { hostArchitecture } from "../../../lib/architecture.ts";
import { runOnHost } from "../../../lib/host.ts";
import { placeRoot } from "../../../steps/image/layers/sparse-files.ts";
import { diskGeometry } from "../../../steps/image/manifest/geometry.ts";
import { testManifest } from "../../unit/image/manifest.ts";
import { installSystem } from "./install.ts";

const manifest = testManifest({
  architecture: hostArchitecture() ?? "amd64",
  packages: ["netbase"],
  disk: { firmware: "raspberry-pi", bootMiB: 64, rootMiB: 400, grows: false },
});

/** What the FAT partition has, by its paths. */
export const bootFiles: Readonly<Record<string, string>> = {
  "bootcode.bin": "first stage",
  "cmdline.txt": "console=serial0,115200 root=PARTUUID=7351b90c-02 rootfstype=ext4 fsck.repair=yes rootwait resize\n",
  "config.txt": "arm_64bit=1\nauto_initramfs=1\n",
  "kernel8.img": "kernel",
  initramfs8: "initial RAM disk",
  "overlays/dwc2.dtbo": "overlay",
};

/** A file capability as the kernel has it: cap_net_raw, effective and permitted. */
export const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");

/**
 * Makes an image of a card as Raspberry Pi OS is laid out, of a small Debian for this machine's own architecture: with
 * an account that has a password, a name, a host key, and files that are hard to copy. Returns its path.
 */
export async function makeCard(folder: string): Promise<string> {
  const root = await installSystem(manifest, folder);
  const card = path.join(folder, "card.img");
  await placeRoot(root, card, diskGeometry(manifest.disk).root.offset, new AbortController().signal);
  await addFiles(folder);
  await addBoot(folder, card);
  return card;
}

async function addFiles(folder: string): Promise<void> {
  const { offset } = diskGeometry(manifest.disk).root;
  const debugfs = (commands: string[]) =>
    runOnHost("debugfs", ["-w", "-f", "-", `card.img?offset=${offset}`], {
      cwd: folder,
      input: `${commands.join("\n")}\n`,
    });
  const write = async (place: string, content: string | Buffer, fields: Record<string, string> = {}) => {
    await writeFile(path.join(folder, "content"), content);
    const set = Object.entries(fields).map(([field, value]) => `set_inode_field ${place} ${field} ${value}`);
    const [directory, name] = [path.posix.dirname(place), path.posix.basename(place)];
    await debugfs([`rm ${place}`, `cd ${directory}`, `write content ${name}`, ...set]);
  };
  await debugfs(["dump /etc/shadow shadow", "dump /etc/passwd passwd"]);
  const extended = async (name: string, line: string) => `${await readFile(path.join(folder, name), "utf8")}${line}\n`;
  await write("/etc/passwd", await extended("passwd", "pi:x:1000:1000::/home/pi:/bin/bash"));
  await write("/etc/shadow", await extended("shadow", "pi:$6$salt$hash:19000:0:99999:7:::"), {
    mode: "0100640",
    gid: "42",
  });
  await write("/etc/fstab", "PARTUUID=7351b90c-01 /boot/firmware vfat defaults 0 2\n");
  await write("/etc/hostname", "raspberrypi\n");
  await write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 raspberrypi\n");
  await debugfs(["mkdir /etc/ssh", "mkdir /boot/firmware", "mkdir /opt/jail", "cd /opt/jail", "mknod null c 1 3"]);
  await write("/etc/ssh/ssh_host_ed25519_key", "a secret of one machine");
  await write("/opt/jail/first", "one file\n", { mode: "0106751", uid: "1000", gid: "1000", links_count: "2" });
  await writeFile(path.join(folder, "capability"), capability);
  await debugfs([
    "ln /opt/jail/first /opt/jail/second",
    "ea_set -f capability /usr/bin/env security.capability",
    "set_inode_field /opt/jail/null mode 020666",
  ]);
}

async function addBoot(folder: string, card: string): Promise<void> {
  const geometry = diskGeometry(manifest.disk);
  const handle = await open(card, "r+");
  await handle.write(masterBootRecord(geometry, 0x7351b90c), 0, 512, 0);
  await handle.close();
  const boot = path.join(folder, "boot");
  for (const [name, text] of Object.entries(bootFiles)) {
    await mkdir(path.dirname(path.join(boot, name)), { recursive: true });
    await writeFile(path.join(boot, name), text);
  }
  const drive = `card.img@@${geometry.boot.offset}`;
  const sectors = String(geometry.boot.bytes / 512);
  await runOnHost("mformat", ["-i", drive, "-F", "-T", sectors, "-h", "255", "-s", "63", "::"], { cwd: folder });
  const names = [...new Set(Object.keys(bootFiles).map((name) => `boot/${name.split("/")[0]}`))];
  await runOnHost("mcopy", ["-s", "-i", drive, ...names, "::"], { cwd: folder });
  await chmod(card, 0o644);
}

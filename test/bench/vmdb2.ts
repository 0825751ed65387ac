import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { requirePrograms } from "../../lib/host.ts";
import { registration } from "../../steps/image/foreign/emulation.ts";
import type { DebianBase, ManifestOf } from "../../steps/image/manifest/manifest.ts";
import { allPackages } from "../packages.ts";
import { type Cost, costOf } from "./cost.ts";

/**
 * Builds a root file system with the manifest's packages by vmdb2, Debian's own builder of images for these boards, on a
 * loop device, as root. It has nothing of the manifest's files: less than ours. Its boot partition is ext4, because not
 * every kernel that runs the bench knows FAT.
 */
export async function vmdb2(manifest: ManifestOf<DebianBase>, folder: string): Promise<Cost> {
  await requirePrograms("The bench of images", ["vmdb2", "zerofree", "qemu-aarch64-static"], allPackages);
  const image = path.join(folder, "vmdb2.img");
  const recipe = path.join(folder, "vmdb2.yaml");
  await writeFile(recipe, stringify({ steps: steps(manifest, await hostMirror()) }));
  await writeFile(image, "");
  await truncate(image, 4 * 1024 ** 3);
  const { stdout: loop } = await execa("losetup", ["--find", "--show", "--partscan", image]);
  try {
    return await withEmulation(() => costOf(["vmdb2", `--image=${loop}`, "--log=stderr", recipe], { cwd: folder }));
  } finally {
    await execa("losetup", ["--detach", loop]);
    await rm(image);
  }
}

function steps({ base, architecture, packages }: ManifestOf<DebianBase>, mirror: string): object[] {
  const device = "{{ image }}";
  return [
    { mklabel: "msdos", device },
    { mkpart: "primary", device, start: "4MiB", end: "260MiB", tag: "boot" },
    { mkpart: "primary", device, start: "260MiB", end: "100%", tag: "root" },
    { mkfs: "ext4", partition: "boot" },
    { mkfs: "ext4", partition: "root", label: "root" },
    { mount: "root" },
    {
      debootstrap: base.suite,
      target: "root",
      mirror,
      arch: architecture,
      variant: "minbase",
      components: ["main", ...base.components],
    },
    // The firmware's package fails without a file system there.
    { mount: "boot", "mount-on": "root", dirname: "/boot/firmware" },
    { apt: "install", packages: [...packages, "systemd-sysv", "udev"], tag: "root", recommends: false },
  ];
}

/** Where this machine gets its own packages of Debian. */
async function hostMirror(): Promise<string> {
  const { stdout } = await execa("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
  const mirror = stdout.split("\n").find((address) => /debian\/?$/.test(address));
  if (!mirror) throw new Error("this machine has no source of Debian's packages");
  return mirror;
}

const formats = "/proc/sys/fs/binfmt_misc";

/** The kernel runs programs of arm64 by QEMU meanwhile, on the whole machine, unless it did before. */
async function withEmulation<T>(work: () => Promise<T>): Promise<T> {
  await mkdir(formats, { recursive: true });
  const mounted = await execa("mountpoint", ["--quiet", formats], { reject: false });
  if (mounted.exitCode !== 0) await execa("mount", ["-t", "binfmt_misc", "binfmt_misc", formats]);
  const name = "piinit-bench";
  await writeFile(`${formats}/register`, registration(name, "arm64", "/usr/bin/qemu-aarch64-static"));
  try {
    return await work();
  } finally {
    await writeFile(`${formats}/${name}`, "-1");
    if (mounted.exitCode !== 0) await execa("umount", [formats]);
  }
}

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { open, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readPartitions } from "../../formats/mbr.ts";
import { runOnHost } from "../../lib/host.ts";
import { silent } from "../../lib/progress.ts";
import { buildImage } from "../../steps/image/layers/build-image.ts";
import type { BuiltImage } from "../../steps/image/manifest/contract.ts";
import { diskGeometry } from "../../steps/image/manifest/geometry.ts";
import type { Manifest } from "../../steps/image/manifest/manifest.ts";
import { type ImagePlan, plan } from "../../steps/image/plan/plan.ts";
import { firstSector } from "../engine/image/look.ts";
import { home } from "../unit/image/roles/fixture.ts";

export type Bus = "virtio" | "nvme" | "usb";

/** A disk file and what it is connected to. */
export interface Attached {
  file: string;
  bus: Bus;
}

// What the machine itself says once it is up, and a line in each of its file systems for whoever opens these afterwards.
const report = `#!/bin/sh
echo started >>/data/mark
[ -w / ] && echo started >>/mark
{
  echo "report: root $(findmnt -no SOURCE /)"
  echo "report: data $(findmnt -no SOURCE /data)"
  echo "report: failed $(systemctl --failed --no-legend --plain | cut -d ' ' -f 1)."
} >/dev/console
sync
systemctl --no-block poweroff
`;

const service = `[Unit]
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/usr/lib/report
`;

/** An image for PCs that says what it runs from, and switches itself off. */
export function reportingManifest(more: Partial<ImagePlan> = {}): Manifest {
  const files = [
    { path: "/usr/lib/report", mode: "0755", owner: "root", text: report },
    { path: "/etc/systemd/system/report.service", mode: "0644", owner: "root", text: service },
  ];
  const manifest = plan({ name: "report", board: "amd64", roles: {}, files, ...more }, home, "amd64");
  const link = "/etc/systemd/system/default.target.wants/report.service";
  return {
    ...manifest,
    packages: manifest.packages.filter((name) => name !== "firmware-realtek"),
    links: [...manifest.links, { path: link, target: "/etc/systemd/system/report.service" }],
  };
}

export function build(manifest: Manifest, outputDir: string): Promise<BuiltImage> {
  return buildImage({ manifest, outputDir }, async () => assert.fail("no program is asked for"), {
    progress: silent,
    signal: new AbortController().signal,
  });
}

export interface BootOptions {
  /** The disk that UEFI starts; else QEMU loads that one's kernel itself, so that no firmware says anything. */
  firmware?: "none";
  /** The machine is switched off as soon as it prints this; else it does that itself. */
  until?: string;
  /** For the console's text, and what is read from the disk. */
  folder: string;
}

/** Boots a disk with others beside it, all in the given order of places; returns what the machine printed. */
export async function boot(disks: Attached[], booted: Attached, options: BootOptions): Promise<string> {
  const log = path.join(options.folder, "console");
  await rm(log, { force: true });
  const start = options.firmware === "none" ? await kernelOf(booted.file, options.folder) : [...uefi];
  const args = [
    ...["-machine", "q35", "-cpu", "max", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", ...start],
    ...["-nodefaults", "-display", "none", "-no-reboot"],
    ...["-serial", `file:${log}`, "-device", "virtio-rng-pci"],
    ...disks.flatMap((disk, index) => [
      ...["-drive", `if=none,id=disk${index},file=${disk.file},format=raw,cache=unsafe`],
      // UEFI keeps no order among the ports of one controller.
      ...(disk.bus === "usb" ? ["-device", `qemu-xhci,id=usb${index}`] : []),
      ...["-device", `${device(disk.bus, index)},bootindex=${disk === booted ? 1 : index + 2}`],
    ]),
  ];
  // It ends with the tests, however these end.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args], { stdio: "inherit" });
  const ended = once(child, "exit");
  const text = () => readFile(log, "utf8").catch(() => "");
  const deadline = performance.now() + 15 * 60_000;
  while (child.exitCode === null && child.signalCode === null) {
    const isDone = options.until !== undefined && (await text()).includes(options.until);
    if (isDone || performance.now() > deadline) child.kill("SIGKILL");
    await Promise.race([ended, sleep(500)]);
  }
  return await text();
}

const uefi = ["-bios", "/usr/share/ovmf/OVMF.fd"];

async function kernelOf(card: string, folder: string): Promise<string[]> {
  const [kernel, initrd] = ["vmlinuz", "initrd.img"].map((name) => path.join(folder, name)) as [string, string];
  for (const file of [kernel, initrd]) await bootFile(card, `A/${path.basename(file)}`, file);
  const commandLine = await bootFile(card, "A/cmdline.txt", "-");
  return ["-kernel", kernel, "-initrd", initrd, "-append", commandLine.trim()];
}

/** Copies a file of a card's FAT partition; to "-" means to the answer. */
function bootFile(card: string, name: string, to: string): Promise<string> {
  const { boot: fat } = diskGeometry(reportingManifest().disk);
  return runOnHost("mcopy", ["-o", "-i", `${path.basename(card)}@@${fat.offset}`, `::${name}`, to], {
    cwd: path.dirname(card),
  });
}

function device(bus: Bus, index: number): string {
  if (bus === "virtio") return `virtio-blk-pci,drive=disk${index}`;
  if (bus === "nvme") return `nvme,drive=disk${index},serial=disk${index}`;
  return `usb-storage,bus=usb${index}.0,drive=disk${index}`;
}

/** A sum of what the file holds; most of a disk is zeros, which only need to be looked at. */
export async function sumOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  const [buffer, zeros] = [Buffer.alloc(4 * 1024 * 1024), Buffer.alloc(4 * 1024 * 1024)];
  const handle = await open(file);
  for (let at = 0; ; at += buffer.length) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    const part = buffer.subarray(0, bytesRead);
    if (!part.equals(zeros.subarray(0, bytesRead))) hash.update(`${at} `).update(part);
  }
  await handle.close();
  return hash.digest("hex");
}

/** How often a machine that ran from this card has said so: in its root file system, and in its data. */
export async function startsOn(card: string): Promise<{ root: number; data: number }> {
  const [, root, data] = readPartitions(await firstSector(card)) ?? [];
  const lines = async (offset: number | undefined) => {
    if (offset === undefined) return 0;
    const name = `${path.basename(card)}?offset=${offset}`;
    const text = await runOnHost("debugfs", ["-R", "cat /mark", name], { cwd: path.dirname(card) });
    return text.split("\n").filter((line) => line === "started").length;
  };
  return { root: await lines(root?.offset), data: await lines(data?.offset) };
}

/** The number in a card's partition table. */
export async function numberOf(card: string): Promise<number> {
  return (await firstSector(card)).readUInt32LE(440);
}

/** What the card's boot loader reads, with the kernel's command line. */
export const loaderEntry = (card: string): Promise<string> => bootFile(card, "loader/entries/piinit-A.conf", "-");

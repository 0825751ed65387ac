import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { open, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { diskGeometry } from "../../../commands/image/build/geometry.ts";
import { readPartitions } from "../../../commands/image/build/partitions.ts";
import { buildImage } from "../../../commands/image/build.ts";
import type { BuiltImage, Manifest } from "../../../commands/image/manifest.ts";
import { type ImagePlan, plan } from "../../../commands/image/plan.ts";
import { runOnHost } from "../../../lib/host.ts";
import { silent } from "../../../lib/progress.ts";
import { home } from "../../unit/image/roles/fixture.ts";
import { firstSector } from "./look.ts";

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

/**
 * Boots the first disk by UEFI with the others beside it, in the given order of places, until the machine switches
 * itself off; returns what it printed.
 */
export async function boot(disks: Attached[], booted: Attached, log: string): Promise<string> {
  await rm(log, { force: true });
  const args = [
    ...["-machine", "q35", "-cpu", "max", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024"],
    ...["-bios", "/usr/share/ovmf/OVMF.fd", "-nodefaults", "-display", "none", "-no-reboot"],
    ...["-serial", `file:${log}`, "-device", "virtio-rng-pci", "-device", "qemu-xhci"],
    ...disks.flatMap((disk, index) => [
      ...["-drive", `if=none,id=disk${index},file=${disk.file},format=raw,cache=unsafe`],
      ...["-device", `${device(disk.bus, index)},bootindex=${disk === booted ? 0 : index + 1}`],
    ]),
  ];
  // It ends with the tests, however these end.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args], { stdio: "inherit" });
  const deadline = setTimeout(() => child.kill("SIGKILL"), 10 * 60_000);
  await once(child, "exit");
  clearTimeout(deadline);
  return await readFile(log, "utf8");
}

function device(bus: Bus, index: number): string {
  if (bus === "virtio") return `virtio-blk-pci,drive=disk${index}`;
  if (bus === "nvme") return `nvme,drive=disk${index},serial=disk${index}`;
  return `usb-storage,drive=disk${index}`;
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

/** The command line that the card's boot loader reads. */
export async function loaderEntry(card: string): Promise<string> {
  const { boot: fat } = diskGeometry(reportingManifest().disk);
  const at = ["-i", `${path.basename(card)}@@${fat.offset}`, "::loader/entries/piinit.conf", "-"];
  return await runOnHost("mcopy", at, { cwd: path.dirname(card) });
}

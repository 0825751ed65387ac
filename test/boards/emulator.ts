import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { mkdir, truncate } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { burn } from "../../burn/burn.ts";
import { inspectImage } from "../../burn/image-file.ts";
import { runOnHost } from "../../lib/host.ts";
import { freePort } from "../engine/ports.ts";
import { makeUsedCard } from "../unit/burn/disk.ts";

/** How QEMU plays a board: the arguments that differ from board to board. */
export interface Emulated {
  program: string;
  /** Kernel, initial RAM disk and device tree are read from the FAT partition, as the board's firmware does. */
  kernel?: { deviceTree?: string; console: string };
  /** Disk and network card, as QEMU's arguments; "DISK", "NAME" and "FORWARD" are filled in. */
  arguments: string[];
}

export const emulated = {
  virt: {
    program: "qemu-system-aarch64",
    kernel: { console: "ttyAMA0" },
    arguments: [
      ...["-machine", "virt", "-cpu", "max", "-smp", "2", "-m", "1024"],
      ...["-drive", "if=none,id=disk,file=DISK,format=raw", "-device", "virtio-blk-pci,drive=disk"],
      ...["-netdev", "user,id=net,hostname=NAME,FORWARD", "-device", "virtio-net-pci,netdev=net,romfile="],
      ...["-device", "virtio-rng-pci", "-serial", "stdio"],
    ],
  },
  raspi3b: {
    program: "qemu-system-aarch64",
    kernel: { deviceTree: "bcm2837-rpi-3-b.dtb", console: "ttyS1,115200" },
    arguments: [
      ...["-machine", "raspi3b", "-drive", "if=sd,file=DISK,format=raw"],
      ...["-netdev", "user,id=net,hostname=NAME,FORWARD", "-device", "usb-net,netdev=net"],
      // Its console is the second serial port.
      ...["-serial", "null", "-serial", "stdio"],
    ],
  },
  uefi: {
    program: "qemu-system-x86_64",
    arguments: [
      ...["-machine", "q35", "-cpu", "max", "-smp", "2", "-m", "1024", "-bios", "/usr/share/ovmf/OVMF.fd"],
      ...["-drive", "if=none,id=disk,file=DISK,format=raw", "-device", "nvme,drive=disk,serial=1"],
      ...["-netdev", "user,id=net,hostname=NAME,FORWARD", "-device", "e1000e,netdev=net,romfile="],
      ...["-device", "virtio-rng-pci", "-serial", "stdio"],
    ],
  },
} satisfies Record<string, Emulated>;

/** A board that has been switched on. */
export interface Running {
  /** Runs a command in it, as root. */
  ssh(command: string): Promise<string>;
  /** On 127.0.0.1, by the port in the machine. */
  ports: Record<number, number>;
  /** Everything that it has printed since the card was first put into it. */
  console(): string;
  /** Cuts its power. */
  stop(): Promise<void>;
}

const boot = { offset: 4 * 1024 * 1024 };

/** Copies a file out of an image's FAT partition. */
export async function bootFile(image: string, file: string, to: string): Promise<void> {
  await runOnHost("mcopy", ["-o", "-i", `${path.basename(image)}@@${boot.offset}`, `::${file}`, path.resolve(to)], {
    cwd: path.dirname(image),
  });
}

const cardBytes = 8 * 1024 ** 3;

/**
 * Burns an image into a file that is a card. A new card is full of something else, as one that was used before; what a
 * card has behind the image's end stays.
 */
export async function putOnCard(image: string, card: string): Promise<void> {
  const file = await inspectImage(image);
  if (!existsSync(card)) {
    await makeUsedCard(card, file.bytes ?? 0);
    await truncate(card, cardBytes);
  }
  const context = { signal: new AbortController().signal, report() {} };
  await burn(file, { kind: "file", path: card, bytes: cardBytes }, context);
}

interface SwitchOn {
  /** Receives the console. */
  dir: string;
  /** What DHCP on the wire calls it, if anything. */
  name: string;
  keyFile: string;
  disks?: string[];
  /** Ports in the machine that are to be reached beside that of SSH. */
  reach?: number[];
  /** It restarts, as real ones do; else it ends then. */
  restarts?: boolean;
}

/** Switches a board with that card on. */
export async function switchOn(
  card: string,
  board: Emulated,
  { dir, name, keyFile, disks = [], reach = [], restarts = false }: SwitchOn,
): Promise<Running> {
  await mkdir(dir, { recursive: true });
  const ports: Record<number, number> = {};
  for (const inside of [22, ...reach]) ports[inside] = await freePort();
  const forwards = Object.entries(ports).map(([inside, port]) => `hostfwd=tcp:127.0.0.1:${port}-:${inside}`);
  const args = board.arguments.map((argument) =>
    argument
      .replace("DISK", card)
      .replace("hostname=NAME,", name && `hostname=${name},`)
      .replace("FORWARD", forwards.join(",")),
  );
  const more = disks.flatMap((file, index) => [
    ...["-drive", `if=none,id=more${index},file=${file},format=raw`],
    ...["-device", `virtio-blk-pci,drive=more${index}`],
  ]);
  const log = path.join(dir, "console");
  const kernel = board.kernel ? await kernelArguments(card, board.kernel, dir) : [];
  const once = restarts ? [] : ["-no-reboot"];
  const qemu = [board.program, "-display", "none", ...once, "-nodefaults", ...args, ...more, ...kernel];
  // It ends with the tests, however these end.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...qemu], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.pipe(createWriteStream(log, { flags: "a" }));
  const console = () => readFileSync(log, "utf8");
  return {
    ports,
    console,
    stop: () => end(child),
    ssh: (command) => ssh({ port: ports[22] ?? 0, keyFile, child, console }, command),
  };
}

async function kernelArguments(
  card: string,
  { deviceTree, console }: NonNullable<Emulated["kernel"]>,
  dir: string,
): Promise<string[]> {
  const files = ["vmlinuz", "initrd.img", "cmdline.txt", ...(deviceTree ? [deviceTree] : [])];
  await bootFile(card, "config.txt", path.join(dir, "config.txt"));
  const [, prefix = ""] = /^os_prefix=(.*)$/m.exec(readFileSync(path.join(dir, "config.txt"), "utf8")) ?? [];
  for (const file of files) await bootFile(card, prefix + file, path.join(dir, file));
  // The board's own command line, but for the console, which is another machine's here.
  const words = readFileSync(path.join(dir, "cmdline.txt"), "utf8").trim().split(" ");
  const append = [...words.filter((word) => !word.startsWith("console=") && word !== "quiet"), `console=${console}`];
  return [
    ...["-kernel", path.join(dir, "vmlinuz"), "-initrd", path.join(dir, "initrd.img"), "-append", append.join(" ")],
    ...(deviceTree ? ["-dtb", path.join(dir, deviceTree)] : []),
  ];
}

const bootMinutes = 15;

async function ssh(
  to: { port: number; keyFile: string; child: ChildProcess; console: () => string },
  command: string,
): Promise<string> {
  const deadline = Date.now() + bootMinutes * 60_000;
  const known = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const options = ["BatchMode=yes", "ConnectTimeout=20", ...known].flatMap((option) => ["-o", option]);
  for (;;) {
    const args = [...options, "-i", to.keyFile, "-p", String(to.port), "root@127.0.0.1", "--", command];
    const result = await execa("ssh", args, { reject: false, stdin: "ignore", timeout: 120_000 });
    if (result.exitCode === 0) return result.stdout;
    const last = to.console().split("\n").slice(-25).join("\n");
    if (to.child.exitCode !== null) throw new Error(`QEMU has ended; its console:\n${last}`);
    if (Date.now() > deadline) throw new Error(`${command}: ${result.stderr || "no answer"}; its console:\n${last}`);
    await sleep(3000);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

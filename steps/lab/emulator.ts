import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import { writeFileWhole } from "../../lib/files.ts";
import { packagesOf, requirePrograms } from "../../lib/host.ts";
import { cacheDir } from "../../lib/paths.ts";
import type { Progress } from "../../lib/progress.ts";
import { run } from "../../lib/run.ts";
import { emulatorPackages, labPackages } from "../../toolchain/packages.ts";
import { type Accelerator, acceleration, type Emulator, emulatorFor } from "./arguments.ts";

const packages = [...Object.values(emulatorPackages), ...labPackages];

/** The emulator for this host. Fails with everything that is missing or too old, and the packages to install. */
export async function requireEmulator(): Promise<Emulator> {
  const emulator = emulatorFor(process.arch);
  if (!emulator) throw new UserError(`The lab runs on amd64 and arm64; this machine is ${process.arch}.`);
  await requirePrograms("The lab", [emulator.program, "qemu-img", "mcopy"], packages);
  checkVersion(emulator, await run(emulator.program, ["--version"]));
  return emulator;
}

/** Refuses a QEMU whose network has no `stream` cables yet. */
export function checkVersion({ program }: Emulator, text: string): void {
  const [, major = 0, minor = 0] = (/version (\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  if (major > 7 || (major === 7 && minor >= 2)) return;
  throw new UserError(
    `The lab needs QEMU 7.2 or newer; ${program} (package ${packagesOf([program], packages)}) is ${major}.${minor}.`,
  );
}

/**
 * Hardware acceleration if this kernel (a file, with its command line) boots with it, else emulation.
 * A probe's result is valid until the host reboots.
 */
export async function chooseAccelerator(emulator: Emulator, guest: Guest, progress: Progress): Promise<Accelerator> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return "tcg";
  }
  const file = cacheDir("acceleration.json");
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const known = await readProbe(file);
  if (known?.boot === boot) return known.accelerator;
  progress.step("trying hardware acceleration");
  const accelerator = (await canBoot(emulator, "kvm", guest)) ? "kvm" : "tcg";
  await writeFileWhole(file, JSON.stringify({ boot, accelerator }), 0o600);
  return accelerator;
}

async function readProbe(file: string): Promise<{ boot: string; accelerator: Accelerator } | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}

export interface Guest {
  /** Path of the kernel. */
  kernel: string;
  commandLine: string;
}

/** With acceleration, the probe takes about two seconds. */
const probeMs = 15_000;

/**
 * Whether a kernel gets as far as missing its root file system, which it doesn't have here. Anything less proves
 * nothing: on some hosts with /dev/kvm, firmware and boot sectors run but Linux hangs.
 */
export async function canBoot(
  emulator: Emulator,
  accelerator: Accelerator,
  { kernel, commandLine }: Guest,
  timeoutMs = probeMs,
): Promise<boolean> {
  const console = commandLine.split(" ").filter((word) => word.startsWith("console="));
  const result = await execa(
    emulator.program,
    [
      ...["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot", "-m", "256"],
      ...["-machine", emulator.machine, ...acceleration(accelerator), "-serial", "stdio"],
      ...["-kernel", kernel, "-append", [...console, "panic=-1"].join(" ")],
    ],
    { reject: false, stdin: "ignore", timeout: timeoutMs, killSignal: "SIGKILL" },
  );
  return !result.failed && result.stdout.includes("Unable to mount root fs");
}

import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import { execa } from "execa";
import type { MachineStatus } from "../../commands/lab/lab.ts";
import { cacheDir, projectDir } from "../../lib/paths.ts";
import { type Checkout, makeCheckout, type Outcome } from "../e2e/checkout.ts";

/** One line of the table: what was done, how long it may take and how long it took, in seconds. */
interface Row {
  what: string;
  goal: number;
  measured: number;
}

const tableFile = path.join(projectDir, "docs", "bench.md");

/** Measures the lab's lifecycle with a warm toolchain, prints the table and writes it to docs/bench.md. */
async function bench(): Promise<void> {
  const home = await makeCheckout();
  try {
    const rows = await measure(home);
    const text = tableOf(rows, await memoryOf(home));
    process.stdout.write(text);
    writeFileSync(tableFile, text);
  } finally {
    await home.piinit("destroy");
    home.remove();
  }
}

async function measure(home: Checkout): Promise<Row[]> {
  const rows: Row[] = [];
  const time = async (what: string, goal: number, work: Promise<Outcome>) => {
    const { exitCode, output, seconds } = await work;
    if (exitCode !== 0) throw new Error(`${what} failed:\n${output}`);
    process.stderr.write(`${what}: ${seconds.toFixed(1)} s\n`);
    rows.push({ what, goal, measured: seconds });
  };
  await time("toolchain and packages (not counted)", Number.POSITIVE_INFINITY, home.piinit("build", "server"));
  await rm(cacheDir("layers"), { recursive: true, force: true });
  await home.piinit("destroy");
  await time("up, images built from nothing", 480, home.piinit("up"));
  await time("destroy", 30, home.piinit("destroy"));
  await time("up, image layers cached", 300, home.piinit("up"));
  await time("up with nothing to change", 10, home.piinit("up"));
  rows.push({
    what: "until Pulumi's first line",
    goal: 2,
    measured: await secondsUntil(home, "preview", "Previewing"),
  });
  home.edit("lab", (text) => text.replace("ssh: {}", 'ssh: {keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB bench"]}'));
  const { stdout } = await home.piinit("build", "server", "--json");
  rows.push({ what: "image with one changed file, the builder alone", goal: 5, measured: JSON.parse(stdout).seconds });
  return rows.filter(({ goal }) => Number.isFinite(goal));
}

/** How long the command takes to print a text. */
async function secondsUntil(home: Checkout, command: string, text: string): Promise<number> {
  const start = performance.now();
  const child = execa("./piinit", [command], { cwd: home.dir, env: home.env, all: true, stdin: "ignore" });
  let seconds = Number.NaN;
  for await (const line of child.iterable({ from: "all" }))
    if (Number.isNaN(seconds) && line.includes(text)) seconds = (performance.now() - start) / 1000;
  await child;
  return seconds;
}

/** The most memory that each machine's QEMU process has held so far, MiB. */
async function memoryOf(home: Checkout): Promise<Map<string, number>> {
  const machines = await home.json<MachineStatus[]>("lab", "list");
  return new Map(machines.flatMap(({ name, pid }) => (pid ? [[name, peakMiB(pid)] as const] : [])));
}

function peakMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024);
}

function tableOf(rows: Row[], memory: Map<string, number>): string {
  return [
    "# Measured by `npm run bench`",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), the lab of stacks/Pulumi.lab.yaml.`,
    "",
    "| What | Goal, s | Measured, s |",
    "|---|---|---|",
    ...rows.map(({ what, goal, measured }) => `| ${what} | ${goal} | ${measured.toFixed(1)} |`),
    "",
    "| Machine | Most memory of its QEMU process, MiB (goal 1024) |",
    "|---|---|",
    ...[...memory].map(([name, mebibytes]) => `| ${name} | ${mebibytes} |`),
    "",
  ].join("\n");
}

await bench();

import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { cacheDir } from "../../lib/paths.ts";
import type { MachineStatus } from "../../steps/lab/lab.ts";
import { type Checkout, makeCheckout, type Outcome, succeeded } from "../e2e/checkout.ts";
import { type Row, tableOf } from "./table.ts";

/** Measures the lab's lifecycle with a warm toolchain. */
export async function benchLab(): Promise<string> {
  const home = await makeCheckout();
  try {
    const rows = await measure(home);
    const memory = await memoryOf(home);
    rows.push(...(await measureSilence(home)));
    return `The lab of stacks/Pulumi.lab.yaml, with a warm toolchain.\n\n${tableOf([...rows, ...memory])}`;
  } finally {
    await home.piinit("destroy");
    home.remove();
  }
}

async function measure(home: Checkout): Promise<Row[]> {
  const rows: Row[] = [];
  const note = (what: string, goal: number, seconds: number) => {
    process.stderr.write(`${what}: ${seconds.toFixed(1)} s\n`);
    rows.push({ what, unit: "s", goal, measured: seconds });
  };
  const time = async (what: string, goal: number, work: Promise<Outcome>) =>
    note(what, goal, succeeded(await work).seconds);
  /** A job that is due takes seconds of the emulated machines' processors. */
  const timeOften = async (what: string, goal: number, ...command: string[]) => {
    const seconds: number[] = [];
    for (let turn = 0; turn < turns; turn++) seconds.push(shown(await home.piinit(...command)).seconds);
    note(`${what}, the middle of ${turns}`, goal, seconds.sort((a, b) => a - b)[(turns - 1) / 2] ?? Number.NaN);
  };
  succeeded(await home.piinit("build", "server"));
  await rm(cacheDir("layers"), { recursive: true, force: true });
  await home.piinit("destroy");
  await time("up, images built from nothing", 480, home.piinit("up"));
  await time("destroy", 30, home.piinit("destroy"));
  await time("up, image layers cached", 300, home.piinit("up"));
  // The machines are emulated on the same cores, and still start their jobs.
  await sleep(90_000);
  await timeOften("up with nothing to change", 5, "up");
  await timeOften("status", 2, "status");
  rows.push({
    what: "until Pulumi's first line",
    unit: "s",
    goal: 2,
    measured: await secondsUntil(home, "preview", "Previewing"),
  });
  home.edit("lab", (text) => text.replace("ssh: {}", 'ssh: {keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB bench"]}'));
  const { stdout } = succeeded(await home.piinit("build", "server", "--json"));
  const { seconds } = JSON.parse(stdout);
  rows.push({ what: "image with one changed file, the builder alone", unit: "s", goal: 5, measured: seconds });
  return rows;
}

const turns = 5;

/** With 1, `status` has shown its screen, and tells of a machine that is too busy to answer. */
const shown = (outcome: Outcome): Outcome => (/^MACHINE/m.test(outcome.output) ? outcome : succeeded(outcome));

/** How long `status` takes while machines say nothing. */
async function measureSilence(home: Checkout): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, goal, off] of [
    ["status, two of three machines cut off", 2, ["pi1", "pi2"]],
    ["status, all machines cut off", 5, ["pi3"]],
  ] as const) {
    for (const name of off) succeeded(await home.piinit("lab", "cut", name));
    const { seconds } = await home.piinit("status");
    rows.push({ what, unit: "s", goal, measured: seconds });
  }
  return rows;
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

/** The most memory that each machine's QEMU process has held so far. */
async function memoryOf(home: Checkout): Promise<Row[]> {
  const machines = await home.json<MachineStatus[]>("lab", "list");
  return machines.flatMap(({ name, pid }) =>
    pid ? [{ what: `memory of ${name}`, unit: "MiB", goal: 1024, measured: peakMiB(pid) }] : [],
  );
}

function peakMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024);
}

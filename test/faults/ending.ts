import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ctrlC, inTerminal } from "../engine/pty.ts";
import type { House } from "./house.ts";
import { killAll, signalIt } from "./left.ts";

/** How a command was ended. */
export interface Ended {
  /** It had ended by itself before. */
  wasOver: boolean;
  /** It was asked to end, rather than killed. */
  isOrderly: boolean;
  exitCode: number | undefined;
  /** What it printed. */
  log: string;
}

/** Starts ./piinit and ends it after so many seconds. */
type Ending = (house: House, args: readonly string[], seconds: number) => Promise<Ended>;

export const endings = {
  "^C": (house, args, seconds) => interrupt(house, args, [seconds]),
  "^C twice": (house, args, seconds) => interrupt(house, args, [seconds, 0.5]),
  "SIGKILL to it": (house, args, seconds) => kill(house, args, seconds, async (pid) => signalIt(pid, "SIGKILL")),
  "SIGKILL to its process group": (house, args, seconds) =>
    kill(house, args, seconds, async (pid) => signalIt(-pid, "SIGKILL")),
  "SIGKILL to all of its processes": (house, args, seconds) => kill(house, args, seconds, () => killAll(house.marks)),
} satisfies Record<string, Ending>;

export type EndingName = keyof typeof endings;

/** Types ^C after these pauses, seconds, in a terminal. */
async function interrupt({ checkout }: House, args: readonly string[], pauses: readonly number[]): Promise<Ended> {
  const terminal = inTerminal("./piinit", args, { cwd: checkout.dir, env: checkout.env });
  let typed = 0;
  let isOver = false;
  const over = terminal.ended.finally(() => {
    isOver = true;
  });
  for (const seconds of pauses) {
    await Promise.race([pause(seconds * 1000), over]);
    if (isOver) break;
    terminal.type(ctrlC);
    typed++;
  }
  const { exitCode, shown } = await over;
  return { wasOver: typed === 0, isOrderly: true, exitCode, log: shown };
}

/** It has no terminal, and a process group of its own. */
async function kill(
  { checkout, notes }: House,
  args: readonly string[],
  seconds: number,
  killIt: (pid: number) => Promise<void>,
): Promise<Ended> {
  const file = path.join(notes, "killed.log");
  const output = openSync(file, "w");
  const env = { ...process.env, ...checkout.env };
  const stdio = ["ignore", output, output] as const;
  const child = spawn("./piinit", args, { cwd: checkout.dir, env, detached: true, stdio: [...stdio] });
  closeSync(output);
  const exit = once(child, "exit");
  await Promise.race([pause(seconds * 1000), exit]);
  const wasOver = child.exitCode !== null;
  if (!wasOver && child.pid) await killIt(child.pid);
  await exit;
  return { wasOver, isOrderly: false, exitCode: child.exitCode ?? undefined, log: readFileSync(file, "utf8") };
}

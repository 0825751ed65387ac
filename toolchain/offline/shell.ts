import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { terminateProcessGroup } from "./plugin.ts";

export interface ShellCommand {
  /** Program and its first arguments; the command is the last, e.g. ["/bin/sh", "-c"]. */
  interpreter: string[];
  command: string;
  /** Undefined: the current folder. */
  dir: string | undefined;
  /** Added to the environment of this process. */
  environment: Record<string, string>;
  stdin: string | undefined;
}

export interface ShellResult {
  /** Without one newline at the end. */
  stdout: string;
  stderr: string;
}

export type Stream = keyof ShellResult;

/** A failed command: "exit status 3" or "signal: SIGTERM", and its output on both streams. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
  readonly output: string;

  constructor(how: string, output: string) {
    super(how);
    this.output = output;
  }
}

/** How long a command may take to end after ^C before it is killed. */
const graceMs = 10_000;

/** Runs a command to its end. If the signal is aborted, sends SIGTERM to the command and all that it has started. */
export async function runCommand(
  command: ShellCommand,
  onLine: (stream: Stream, line: string) => void,
  signal: AbortSignal,
): Promise<ShellResult> {
  signal.throwIfAborted();
  await requireFolder(command.dir);
  const [program = "/bin/sh", ...args] = [...command.interpreter, command.command];
  const child = spawn(program, args, {
    cwd: command.dir,
    env: { ...process.env, ...command.environment },
    stdio: [command.stdin ? "pipe" : "ignore", "pipe", "pipe"],
  });
  // A command may end without reading all of its input.
  child.stdin?.on("error", () => {}).end(command.stdin);
  const texts = { stdout: "", stderr: "", both: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    const lines = lineSplitter((line) => onLine(stream, line));
    child[stream]?.setEncoding("utf8").on("data", (chunk: string) => {
      texts[stream] += chunk;
      texts.both += chunk;
      lines.write(chunk);
    });
    child[stream]?.on("end", lines.end);
  }
  const kill = endOnAbort(child, signal);
  try {
    const failure = await outcome(child, signal);
    if (failure) throw new CommandFailure(failure, texts.both);
  } finally {
    kill.release();
  }
  return { stdout: trimNewline(texts.stdout), stderr: trimNewline(texts.stderr) };
}

async function requireFolder(dir: string | undefined): Promise<void> {
  if (dir === undefined) return;
  const found = await stat(dir).catch(() => undefined);
  if (!found?.isDirectory()) throw new Error(`\`dir\` is not a folder: ${dir}`);
}

/** Why the command failed; undefined if it succeeded. */
function outcome(child: ReturnType<typeof spawn>, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let patience: NodeJS.Timeout | undefined;
    const settle = (code: number | null, killedBy: NodeJS.Signals | null) => {
      clearTimeout(patience);
      resolve(code === 0 ? undefined : killedBy ? `signal: ${killedBy}` : `exit status ${code}`);
    };
    child.on("error", reject);
    child.on("close", settle);
    // After ^C, what the shell has started cleans up when the shell has gone; what it left running has no end.
    child.on("exit", (code, killedBy) => {
      if (signal.aborted) patience = setTimeout(settle, graceMs, code, killedBy);
    });
  });
}

function endOnAbort(child: ReturnType<typeof spawn>, signal: AbortSignal): { release(): void } {
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    terminateProcessGroup();
    timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  };
  signal.addEventListener("abort", end, { once: true });
  return {
    release() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    },
  };
}

function lineSplitter(onLine: (line: string) => void) {
  let rest = "";
  return {
    write(chunk: string) {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop() ?? "";
      lines.filter(Boolean).forEach(onLine);
    },
    end: () => {
      if (rest) onLine(rest);
    },
  };
}

function trimNewline(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

import type { Phase } from "../../burn/burn.ts";
import { describeTransfer, type TransferProgress } from "../../burn/transfer-progress.ts";

/** Reports the progress of burning to a person or a script. */
export interface Display {
  progress(target: string, phase: Phase, progress: TransferProgress): void;
  /** Ends a target's display with a sentence on how it ended. */
  finish(target: string, text: string): void;
  /** A sentence for a person. */
  say(text: string): void;
  /** An event for a script; people don't see it. */
  emit(event: Record<string, unknown>): void;
}

export function displayFor({ json }: { json?: boolean }): Display {
  if (json) return jsonDisplay();
  return process.stderr.isTTY ? terminalDisplay() : plainDisplay();
}

const writeLine = (text: string): void => void process.stderr.write(`${text}\n`);

/** One line of JSON per event on standard output; sentences for people still go to standard error. */
function jsonDisplay(): Display {
  const emit = (event: Record<string, unknown>) => void process.stdout.write(`${JSON.stringify(event)}\n`);
  return {
    progress: (target, phase, progress) => emit({ event: "progress", target, phase, ...progress }),
    finish: (_target, text) => writeLine(text),
    say: writeLine,
    emit,
  };
}

/** One line per target on standard error, redrawn in place. */
function terminalDisplay(): Display {
  const lines = new Map<string, string>();
  let drawn = 0;
  const erase = () => {
    process.stderr.write(drawn > 0 ? `\u001b[${drawn}A\r\u001b[J` : "");
    drawn = 0;
  };
  const draw = () => {
    const width = (process.stderr.columns || 80) - 1;
    for (const line of lines.values()) process.stderr.write(`${line.slice(0, width)}\n`);
    drawn = lines.size;
  };
  const say = (text: string) => {
    erase();
    writeLine(text);
    draw();
  };
  return {
    progress(target, phase, progress) {
      lines.set(target, `${target}  ${phase.padEnd(9)}  ${describeTransfer(progress)}`);
      erase();
      draw();
    },
    finish(target, text) {
      lines.delete(target);
      say(text);
    },
    say,
    emit() {},
  };
}

const pauseMs = 5_000;

/** For logs: one line every few seconds. */
function plainDisplay(): Display {
  const last = new Map<string, number>();
  return {
    progress(target, phase, progress) {
      const isEdge = progress.done === 0 || progress.done === progress.total;
      if (!isEdge && performance.now() - (last.get(target) ?? 0) < pauseMs) return;
      last.set(target, performance.now());
      writeLine(`${target}  ${phase}  ${describeTransfer(progress)}`);
    },
    finish: (_target, text) => writeLine(text),
    say: writeLine,
    emit() {},
  };
}

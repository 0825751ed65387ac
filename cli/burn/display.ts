import type { Phase } from "../../burn/burn.ts";
import { describeStanding, type Standing } from "../../burn/meter.ts";

/** Shows a person, or a script, how far the burning is. */
export interface Display {
  progress(target: string, phase: Phase, standing: Standing): void;
  /** Nothing more comes of this target; the sentence says how it ended. */
  end(target: string, text: string): void;
  /** A sentence for a person. */
  say(text: string): void;
  /** For a script alone. */
  tell(event: Record<string, unknown>): void;
}

export function displayFor({ json }: { json?: boolean }): Display {
  if (json) return jsonDisplay();
  return process.stderr.isTTY ? terminalDisplay() : plainDisplay();
}

const writeLine = (text: string): void => void process.stderr.write(`${text}\n`);

/** One line of JSON for each event on standard output; what a person would read goes to standard error all the same. */
function jsonDisplay(): Display {
  const tell = (event: Record<string, unknown>) => void process.stdout.write(`${JSON.stringify(event)}\n`);
  return {
    progress: (target, phase, standing) => tell({ event: "progress", target, phase, ...standing }),
    end: (_target, text) => writeLine(text),
    say: writeLine,
    tell,
  };
}

/** Standard error, as the progress of everything else: a line for each target that is drawn again and again. */
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
    progress(target, phase, standing) {
      lines.set(target, `${target}  ${phase.padEnd(9)}  ${describeStanding(standing)}`);
      erase();
      draw();
    },
    end(target, text) {
      lines.delete(target);
      say(text);
    },
    say,
    tell() {},
  };
}

const pauseMs = 5_000;

/** Where nobody watches lines move: one line every few seconds. */
function plainDisplay(): Display {
  const last = new Map<string, number>();
  return {
    progress(target, phase, standing) {
      const isEdge = standing.done === 0 || standing.done === standing.total;
      if (!isEdge && performance.now() - (last.get(target) ?? 0) < pauseMs) return;
      last.set(target, performance.now());
      writeLine(`${target}  ${phase}  ${describeStanding(standing)}`);
    },
    end: (_target, text) => writeLine(text),
    say: writeLine,
    tell() {},
  };
}

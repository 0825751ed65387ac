/** Reports what a long piece of work is doing: one short line per step, on standard error. */
export interface Progress {
  /** Reports a new step, or a fact about it. */
  step(text: string): void;
}

/** Lines on standard error, each with the seconds since the start: readable in a terminal, a log and `pulumi up` alike. */
export function progressOnStderr(): Progress {
  const start = performance.now();
  return {
    step(text) {
      const seconds = Math.round((performance.now() - start) / 1000);
      process.stderr.write(`${String(seconds).padStart(4)} s  ${text}\n`);
    },
  };
}

export const silent: Progress = { step() {} };

/** Seconds since `start`, a time of `performance.now()`, with one decimal. */
export const secondsSince = (start: number): number => Math.round((performance.now() - start) / 100) / 10;

/** Reports a line when it is another one than before, or when that was a while ago. */
export function reminding(progress: Progress, remindMs: number): (line: string) => void {
  let said = "";
  let saidAt = 0;
  return (line) => {
    const now = performance.now();
    if (line === said && now - saidAt < remindMs) return;
    progress.step(line);
    said = line;
    saidAt = now;
  };
}

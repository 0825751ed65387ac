import { createInterface } from "node:readline";
import { UserError } from "../../../lib/errors.ts";

/** How often the client sends a sign of life, and how long the builder goes on without one. */
export const heartbeatMs = 10_000;
const patienceMs = 60_000;

/**
 * Reads a program's input from the first line of its standard input. Interrupts the work if that input ends or falls
 * silent, so that a broken connection leaves no build running.
 */
export function readWithHeartbeat(interrupt: AbortController): Promise<string> {
  const end = () => interrupt.abort(new UserError("interrupted: the connection has ended"));
  const silence = setTimeout(end, patienceMs).unref();
  // Without these, the first line written to a closed pipe would end the process before its clean-up.
  for (const output of [process.stdout, process.stderr]) output.on("error", end);
  return new Promise((resolve, reject) => {
    interrupt.signal.addEventListener("abort", () => reject(interrupt.signal.reason));
    const lines = createInterface({ input: process.stdin });
    lines.on("close", end);
    lines.on("line", (line) => {
      silence.refresh();
      if (line === "") return;
      // From here on, the work keeps the process alive, not its input.
      process.stdin.unref();
      resolve(line);
    });
  });
}

import { createInterface } from "node:readline";
import { UserError } from "../../../lib/errors.ts";

/** How often whoever asked for a build shows that they are still there, and how long the builder goes on without that. */
export const heartbeatMs = 10_000;
const patienceMs = 60_000;

/**
 * Reads a program's input from the first line of its standard input. The work is interrupted when the input ends, or
 * when nothing more comes: a connection that breaks must not leave a build behind that nobody waits for.
 */
export function readAttended(interrupt: AbortController): Promise<string> {
  const end = () => interrupt.abort(new UserError("interrupted: the connection has ended"));
  const silence = setTimeout(end, patienceMs).unref();
  // Without these, the first line that nobody reads any more would end the process before its clean-up.
  for (const output of [process.stdout, process.stderr]) output.on("error", end);
  return new Promise((resolve, reject) => {
    interrupt.signal.addEventListener("abort", () => reject(interrupt.signal.reason));
    const lines = createInterface({ input: process.stdin });
    lines.on("close", end);
    lines.on("line", (line) => {
      silence.refresh();
      if (line === "") return;
      // From here on the work keeps the process alive, not its input.
      process.stdin.unref();
      resolve(line);
    });
  });
}

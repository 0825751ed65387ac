import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { UserError } from "../../../lib/errors.ts";
import { requirePrograms } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import type { Progress } from "../../../lib/progress.ts";
import { type Login, lastLine, nameOf, sshFailure, withSshArguments } from "../../../lib/ssh.ts";
import { basicPackages } from "../../../toolchain/packages.ts";

/** ssh's own exit code for any failure of the connection. */
const connectionFailed = 255;

/**
 * Runs a command on the builder while `talk` uses its standard input and output. Reports its progress as our own.
 * @throws UserError if the connection fails or breaks, or with the command's own error
 */
export async function onBuilder<T>(
  builder: Login,
  command: string,
  { progress, signal }: Context,
  talk: (remote: ChildProcessWithoutNullStreams) => Promise<T>,
): Promise<T> {
  await requirePrograms("Building on another machine", ["ssh"], basicPackages);
  return withSshArguments(builder, command, async (args) => {
    signal.throwIfAborted();
    const remote = spawn("ssh", args);
    const end = () => remote.kill();
    const closed = once(remote, "close") as Promise<[code: number | null]>;
    signal.addEventListener("abort", end);
    // ssh's exit code says why it stopped reading.
    remote.stdin.on("error", () => {});
    const output = collectOutput(remote, progress);
    try {
      const answer = await talk(remote);
      remote.stdin.end();
      const [code] = await closed;
      signal.throwIfAborted();
      if (code !== 0) throw failure(builder, code, output);
      return answer;
    } finally {
      signal.removeEventListener("abort", end);
      end();
      await closed;
    }
  });
}

interface RemoteOutput {
  /** Whether the command itself has started. */
  hasStarted: boolean;
  errors: string[];
}

/** Reports progress lines as our own, with our own time, and keeps all others for an error. */
function collectOutput(remote: ChildProcessWithoutNullStreams, progress: Progress): RemoteOutput {
  const output: RemoteOutput = { hasStarted: false, errors: [] };
  remote.stdout.once("data", () => {
    output.hasStarted = true;
  });
  createInterface({ input: remote.stderr }).on("line", (line) => {
    const step = /^ *\d+ s {2}(.+)$/.exec(line)?.[1];
    if (step === undefined) output.errors.push(line);
    else progress.step(step);
  });
  return output;
}

function failure(builder: Login, code: number | null, { hasStarted, errors }: RemoteOutput): UserError {
  const name = nameOf(builder);
  const text = errors.join("\n").trim();
  if (code !== connectionFailed && code !== null)
    return new UserError(`The builder ${name} says:\n${text || `nothing, but it ended with exit code ${code}`}`);
  if (!hasStarted) return new UserError(sshFailure("builder", builder, text));
  return new UserError(
    [
      `The connection to the builder ${name} broke${text ? ` (${lastLine(text)})` : ""}.`,
      "The builder has stopped its work, and nothing is left half done. Run this again: finished parts are kept.",
    ].join("\n"),
  );
}

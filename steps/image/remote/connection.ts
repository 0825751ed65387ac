import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { UserError } from "../../../lib/errors.ts";
import { requirePrograms } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import type { Progress } from "../../../lib/progress.ts";
import { type Login, lastLine, nameOf, sshFailure, withSshArguments } from "../../../lib/ssh.ts";
import { basicPackages } from "../../../toolchain/packages.ts";

/** ssh's own exit code, for all that goes wrong with the connection. */
const connectionFailed = 255;

/**
 * Runs a command on the builder while `talk` has its standard input and output. Its progress is told as ours.
 * @throws UserError for a connection that doesn't come about or breaks, and with what the command itself says
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
    // ssh tells by its exit code why it stopped reading.
    remote.stdin.on("error", () => {});
    const heard = listen(remote, progress);
    try {
      const answer = await talk(remote);
      remote.stdin.end();
      const [code] = await closed;
      signal.throwIfAborted();
      if (code !== 0) throw failure(builder, code, heard);
      return answer;
    } finally {
      signal.removeEventListener("abort", end);
      end();
      await closed;
    }
  });
}

interface Heard {
  /** Whether the command itself has begun. */
  anything: boolean;
  errors: string[];
}

/** Tells progress lines as our own, with our own clock, and keeps all others for an error. */
function listen(remote: ChildProcessWithoutNullStreams, progress: Progress): Heard {
  const heard: Heard = { anything: false, errors: [] };
  remote.stdout.once("data", () => {
    heard.anything = true;
  });
  createInterface({ input: remote.stderr }).on("line", (line) => {
    const step = /^ *\d+ s {2}(.+)$/.exec(line)?.[1];
    if (step === undefined) heard.errors.push(line);
    else progress.step(step);
  });
  return heard;
}

function failure(builder: Login, code: number | null, { anything, errors }: Heard): UserError {
  const name = nameOf(builder);
  const text = errors.join("\n").trim();
  if (code !== connectionFailed && code !== null)
    return new UserError(`The builder ${name} says:\n${text || `nothing, but it ended with exit code ${code}`}`);
  if (!anything) return new UserError(sshFailure("builder", builder, text));
  return new UserError(
    [
      `The connection to the builder ${name} broke${text ? ` (${lastLine(text)})` : ""}.`,
      "What it was doing has been ended there, and nothing is left half done. Run this again: what it had finished is kept.",
    ].join("\n"),
  );
}

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { projectDir } from "../../../lib/paths.ts";

/** The builder as Pulumi runs it, with that verb and input. Nobody reads its answer. */
export function startVerb(verb: "build" | "delete", input: unknown): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, ["--import", "tsx", "steps/image/main.ts", verb], { cwd: projectDir });
  child.stdin.end(JSON.stringify(input));
  child.stdout.resume();
  return child;
}

/** Runs the builder to its end and returns its exit code. */
export async function runVerb(verb: "build" | "delete", input: unknown): Promise<number | null> {
  const child = startVerb(verb, input);
  child.stderr.resume();
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

/** Waits until a program has said something. */
export async function told(child: { stderr: NodeJS.ReadableStream }, pattern: RegExp): Promise<void> {
  let all = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", function listen(chunk) {
      all += String(chunk);
      if (!pattern.test(all)) return;
      child.stderr.off("data", listen);
      resolve();
    });
    child.stderr.on("end", () => reject(new Error(`"${pattern.source}" was not said: ${all}`)));
  });
}

/** Starts a build and kills it when it has said something. */
export async function killedBuild(input: unknown, step: RegExp): Promise<void> {
  const child = startVerb("build", input);
  await told(child, step);
  child.kill("SIGKILL");
  await once(child, "exit");
}

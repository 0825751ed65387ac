import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../lib/paths.ts";

/** A copy of the project as it is now, with its own state and passphrase, and the caches of this user. */
export interface Checkout {
  dir: string;
  /** What its commands have in their environment beside the user's own. */
  env: Record<string, string | undefined>;
  /** Runs ./piinit; never fails by itself, so that a test can look at the exit code. */
  piinit(...args: string[]): Promise<Outcome>;
  /** The same, but ended when it takes longer; the exit code is -1 then. */
  within(ms: number, ...args: string[]): Promise<Outcome>;
  /** Runs Pulumi itself in the environment that `./piinit env` prints, through a shell as a person would. */
  pulumi(command: string): Promise<Outcome>;
  /** The answer of a command with --json. */
  json<Answer>(...args: string[]): Promise<Answer>;
  /** Changes the stack's settings file. */
  edit(stack: string, change: (text: string) => string): void;
  remove(): void;
}

export interface Outcome {
  exitCode: number;
  /** Both streams, in their order. */
  output: string;
  stdout: string;
  seconds: number;
}

/** Returns the outcome of a command that did what it was to do. @throws with all that it printed, if it failed */
export function succeeded(outcome: Outcome, what = "a command"): Outcome {
  if (outcome.exitCode !== 0) throw new Error(`${what} fails:\n${outcome.output}`);
  return outcome;
}

/** `more` goes into the environment of its commands. */
export async function makeCheckout(more: Record<string, string> = {}): Promise<Checkout> {
  const root = mkdtempSync(path.join(tmpdir(), "piinit-checkout-"));
  const dir = path.join(root, "piinit");
  await copyProject(dir);
  forgetSecrets(path.join(dir, "stacks"));
  symlinkSync(path.join(projectDir, "node_modules"), path.join(dir, "node_modules"));
  const env = { ...more, XDG_CONFIG_HOME: path.join(root, "config"), PULUMI_CONFIG_PASSPHRASE_FILE: undefined };

  const runIn = async (program: string, args: string[], timeout = 0): Promise<Outcome> => {
    const start = performance.now();
    const options = { cwd: dir, env, reject: false, all: true, stdin: "ignore", timeout } as const;
    const result = await execa(program, args, options);
    const seconds = (performance.now() - start) / 1000;
    return {
      exitCode: result.timedOut ? -1 : (result.exitCode ?? -1),
      output: result.all,
      stdout: result.stdout,
      seconds,
    };
  };
  const piinit = (...args: string[]) => runIn("./piinit", args);

  return {
    dir,
    env,
    piinit,
    within: (ms, ...args) => runIn("./piinit", args, ms),
    pulumi: (command) => runIn("sh", ["-c", `eval "$(./piinit env)" && ${command}`]),
    async json(...args) {
      // The exit code of `status` is the cluster's state.
      const { stdout, output } = await piinit(...args, "--json");
      try {
        return JSON.parse(stdout);
      } catch {
        throw new Error(`./piinit ${args.join(" ")} --json failed:\n${output}`);
      }
    },
    edit(stack, change) {
      const file = path.join(dir, "stacks", `Pulumi.${stack}.yaml`);
      writeFileSync(file, change(readFileSync(file, "utf8")));
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Copies the project as it is now, without what is ignored there, and without those of its top folder's entries. */
export async function copyProject(dir: string, without: readonly string[] = []): Promise<void> {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout } = await execa("git", list, { cwd: projectDir });
  for (const file of stdout.split("\0").filter(Boolean)) {
    if (without.includes(file.split("/")[0] ?? "")) continue;
    cpSync(path.join(projectDir, file), path.join(dir, file), { recursive: true });
  }
}

/** The passphrase of a checkout is new, so what Pulumi noted of another one in the stacks' files would stop it. */
function forgetSecrets(stacks: string): void {
  for (const name of readdirSync(stacks).filter((file) => file.endsWith(".yaml"))) {
    const file = path.join(stacks, name);
    writeFileSync(file, readFileSync(file, "utf8").replace(/^encryptionsalt:.*\n/m, ""));
  }
}

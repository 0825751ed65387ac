import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parse, stringify } from "yaml";
import { UserError } from "../../lib/errors.ts";
import { inTemporaryFolder } from "../../lib/files.ts";
import { projectDir } from "../../lib/paths.ts";
import { type FoundPulumi, findPulumi } from "../../toolchain/pulumi.ts";
import { backendUrl, isMade, runPulumi, type Stack } from "./stack.ts";
import { readStackDocument, readWork, stackFileOf } from "./stack-file.ts";
import { type StackState, writeState } from "./state.ts";

/**
 * Gives `look` a stack without changing anything: Pulumi may write into a stack's settings and into its own home, so it
 * gets copies of both. A stack that was never created gets a temporary empty state.
 * @throws UserError naming what is missing and how to get it
 */
export async function lookAtStack<T>(name: string, look: (stack: Stack) => Promise<T>): Promise<T> {
  const { isLab } = await readWork(name);
  const found = await findPulumi();
  requireTools(found, name);
  return inTemporaryFolder(async (dir) => {
    await copyProject(dir, name);
    await mkdir(path.join(dir, "home"));
    await symlink(path.join(found.env.PULUMI_HOME ?? "", "plugins"), path.join(dir, "home", "plugins"));
    const env = { ...found.env, PULUMI_HOME: path.join(dir, "home"), PULUMI_BACKEND_URL: backendUrl() };
    const stack = { name, isLab, dir, env };
    return await look((await isMade(stack)) ? stack : await makeTemporaryState(stack, found));
  });
}

/** @throws UserError if a tool that looking needs is missing */
export function requireTools({ missingTools }: FoundPulumi, stack: string): void {
  if (missingTools.length === 0) return;
  throw new UserError(
    `Not installed yet: ${missingTools.join(", ")}. This command installs nothing; run ./piinit up ${stack} first.`,
  );
}

/** Copies the project file and the stack's settings; the program stays where it is. */
async function copyProject(dir: string, stack: string): Promise<void> {
  const { backend: _, ...project } = parse(await readFile(path.join(projectDir, "Pulumi.yaml"), "utf8"));
  await writeFile(path.join(dir, "Pulumi.yaml"), stringify({ ...project, main: projectDir }));
  const file = stackFileOf(stack);
  const copy = path.join(dir, path.relative(projectDir, file));
  await mkdir(path.dirname(copy), { recursive: true });
  await copyFile(file, copy);
}

/** A stack being looked at, with another state that exists only as long as it is looked at. */
export async function withState(stack: Stack, state: StackState): Promise<Stack> {
  const made = await makeBackend(stack, "corrected", stack.env);
  await writeState(made, state);
  return made;
}

async function makeTemporaryState(stack: Stack, { passphrase }: FoundPulumi): Promise<Stack> {
  const env: Record<string, string> = { ...stack.env };
  if (!passphrase.exists) {
    const { encryptionsalt } = await readStackDocument(stack.name);
    if (encryptionsalt !== undefined) {
      throw new UserError(
        `The secrets of stack ${stack.name} can't be read without their passphrase: copy ${passphrase.file} from the computer where they were set.`,
      );
    }
    env.PULUMI_CONFIG_PASSPHRASE_FILE = path.join(stack.dir, "passphrase");
    await writeFile(env.PULUMI_CONFIG_PASSPHRASE_FILE, "of a temporary stack\n", { mode: 0o600 });
  }
  return await makeBackend(stack, "empty", env);
}

async function makeBackend(stack: Stack, folder: string, env: Record<string, string>): Promise<Stack> {
  const dir = path.join(stack.dir, folder);
  await mkdir(dir);
  const made = { ...stack, env: { ...env, PULUMI_BACKEND_URL: pathToFileURL(dir).href } };
  await runPulumi(made, ["stack", "init", "--no-select"]);
  return made;
}

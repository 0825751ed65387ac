import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../lib/paths.ts";
import { type Checkout, copyProject } from "./checkout.ts";

/** The last commit whose clusters let everybody in; undefined where the history isn't there. */
export async function lastOpenCommit(): Promise<string | undefined> {
  const first = ["log", "--diff-filter=A", "--format=%H", "-1", "--", "components/access.ts"];
  const { stdout: commit } = await execa("git", first, { cwd: projectDir, reject: false });
  const before = await execa("git", ["rev-parse", "--verify", `${commit}^`], { cwd: projectDir, reject: false });
  return commit && before.exitCode === 0 ? before.stdout : undefined;
}

/** What isn't a version's own: the stacks' settings and states, and dependencies, of which a later version has all. */
const kept = ["stacks", ".piinit", "node_modules", "package.json", "package-lock.json"];

/** Puts the program of a commit, or today's, into a checkout, whose stacks go on with it. */
export async function putVersion({ dir }: Checkout, commit?: string): Promise<void> {
  for (const name of readdirSync(dir).filter((one) => !kept.includes(one)))
    rmSync(path.join(dir, name), { recursive: true });
  if (commit === undefined) return await copyProject(dir, kept);
  const archive = await execa("git", ["archive", commit], { cwd: projectDir, encoding: "buffer" });
  const excluded = kept.map((name) => `--exclude=${name}`);
  await execa("tar", ["-x", "-C", dir, "--anchored", ...excluded], {
    input: archive.stdout,
  });
}

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { Interrupted, UserError } from "../lib/errors.ts";
import { progressOnStderr } from "../lib/progress.ts";
import { confirm, interrupted, isTerminal, question } from "../lib/terminal.ts";
import { incompatibilities } from "../snapshot/compatibility.ts";
import { type ClusterContent, lookAtContent } from "../snapshot/content.ts";
import { decodeSnapshot, type Snapshot, WrongPassphrase } from "../snapshot/file.ts";
import { awaitLeaders, restoreAgent } from "../snapshot/restore.ts";
import type { Cluster } from "../steps/cluster/contract.ts";
import { stackCluster } from "./stack/cluster-machines.ts";
import { lookAtStack } from "./stack/look.ts";
import { stackSettings } from "./stack/settings.ts";
import { snapshotsOf } from "./stack/snapshots.ts";
import { stackFileOf } from "./stack/stack-file.ts";
import { stackPassphrase } from "./stack/stack-passphrase.ts";

const more = `
Replaces all that Consul and Nomad have. For a new cluster after all cards were lost:
burn the cards, ./piinit up STACK, ./piinit restore STACK FILE, ./piinit up STACK.`;

/** Brings a snapshot into a running cluster. */
export function define(command: Command): void {
  command
    .usage("[options] [stack] <file>")
    .argument("<stack or file>", "the stack (default: lab), if a file follows")
    .argument("[file]", "a file that ./piinit snapshot or ./piinit up has written")
    .option("-y, --yes", "do not ask first")
    .addHelpText("after", more)
    .action(async (first: string, second: string | undefined, { yes = false }: { yes?: boolean }) => {
      const name = second === undefined ? "lab" : first;
      if (second === undefined && !first.includes("/") && existsSync(stackFileOf(first)))
        throw await withoutFile(first);
      const { file, bytes } = await readSnapshotFile(name, second ?? first);
      const snapshot = await openSnapshot(name, file, bytes);
      const cluster = await lookAtStack(name, async (stack) => stackCluster(stack, await stackSettings(stack)));
      const content = await lookAtContent(cluster, interrupted);
      process.stderr.write(`${describe(file, snapshot, name, content)}\n`);
      refuseOther(file, snapshot, content);
      await requireConsent(name, yes);
      await restore(name, snapshot, cluster, content);
      process.stdout.write(`Restored. What the settings say may be newer: run ./piinit up ${name} now.\n`);
    });
}

async function withoutFile(stack: string): Promise<UserError> {
  const [newest] = await snapshotsOf(stack);
  const example = newest === undefined ? "FILE" : path.relative(process.env.INIT_CWD ?? "", newest);
  return new UserError(
    `Which snapshot is to be restored? ./piinit restore ${stack} ${example}${newest === undefined ? "" : " is the newest one here"}`,
  );
}

const mostBytes = 2 ** 30;

async function readSnapshotFile(stack: string, given: string): Promise<{ file: string; bytes: Buffer }> {
  const file = path.resolve(process.env.INIT_CWD ?? "", given);
  try {
    const bytes = await readFile(file);
    if (bytes.length <= mostBytes) return { file, bytes };
  } catch (error) {
    const known = await snapshotsOf(stack);
    const hint =
      known.length === 0 ? "" : `\nSnapshots of stack ${stack} here:\n${known.map((one) => `  ${one}`).join("\n")}`;
    throw new UserError(`The snapshot can't be read: ${(error as Error).message}.${hint}`);
  }
  throw new UserError(`${file} is too large for a snapshot.`);
}

/** Asks for the passphrase if the stack's has changed since. */
async function openSnapshot(stack: string, file: string, bytes: Buffer): Promise<Snapshot> {
  try {
    return await decodeSnapshot(bytes, await stackPassphrase(stack), file);
  } catch (error) {
    if (!(error instanceof WrongPassphrase) || !isTerminal()) throw error;
    const text = `${file} was encrypted with another passphrase. It is (not shown): `;
    return await decodeSnapshot(bytes, await question(text, { hidden: true }), file);
  }
}

function describe(file: string, { stack, time, piinit, consul, nomad }: Snapshot, into: string, now: ClusterContent) {
  const none = "no Nomad";
  return [
    `${file}`,
    `  of stack ${stack}, taken ${time.toISOString()} by piinit ${piinit}: Consul ${consul.version}, ${nomad ? `Nomad ${nomad.version}` : none}`,
    `Stack ${into} has now:`,
    `  Consul ${now.consul.version} with ${counted(now.consul.keys, "key")}`,
    `  ${now.nomad ? `Nomad ${now.nomad.version} with ${counted(now.nomad.jobs, "job")} and ${counted(now.nomad.variables, "variable")}` : none}`,
  ].join("\n");
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

function refuseOther(file: string, snapshot: Snapshot, content: ClusterContent): void {
  const reasons = incompatibilities(snapshot, content);
  if (reasons.length === 0) return;
  throw new UserError(
    [`${file} can't be restored here, and nothing was changed:`, ...reasons.map((reason) => `  ${reason}`)].join("\n"),
  );
}

async function requireConsent(stack: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!isTerminal()) throw new UserError("Nothing was restored: nobody can be asked here. Add --yes to restore.");
  if (await confirm(`Replace all of that in stack ${stack} by the snapshot?`)) return;
  throw new UserError("Nothing was restored.");
}

/** Says in every failure, and on ^C, what the cluster has by then. */
async function restore(
  stack: string,
  { consul, nomad }: Snapshot,
  cluster: Cluster,
  content: ClusterContent,
): Promise<void> {
  const context = { progress: progressOnStderr(), signal: interrupted };
  let reached = "Consul has either the snapshot or still its own data; Nomad is as it was. Run the same command again.";
  try {
    await restoreAgent("Consul", consul, cluster, context);
    if (nomad && content.nomad) {
      reached =
        "Consul has the snapshot; Nomad has either the snapshot or still its own data. Run the same command again.";
      await restoreAgent("Nomad", nomad, cluster, context);
    }
    reached = `The snapshot is restored; only the wait for leaders is not over. See ./piinit status ${stack}, then run ./piinit up ${stack}.`;
    await awaitLeaders(cluster, context);
  } catch (error) {
    if (error instanceof Interrupted) throw new Interrupted(`Interrupted. ${reached}`);
    throw error instanceof UserError ? new UserError(`${error.message}\n${reached}`) : error;
  }
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import type { StackState } from "../../cli/stack/state.ts";
import { plainValue, storedSteps } from "../../cli/stack/steps.ts";
import { cacheDir } from "../../lib/paths.ts";
import { quoteCommand } from "../../lib/shell.ts";
import { securityStep } from "../../steps/security/contract.ts";
import { tokensOf } from "../../steps/security/tokens.ts";
import { type Checkout, succeeded } from "./checkout.ts";
import { machines } from "./lab-home.ts";

/** What piinit made for a stack and nobody else may see: keys and tokens. */
export async function secretsOf(home: Checkout, stack: string): Promise<string[]> {
  const { stdout } = succeeded(await home.pulumi(`pulumi stack export --show-secrets --stack ${stack}`));
  const state = JSON.parse(stdout) as StackState;
  const { config } = parse(readFileSync(path.join(home.dir, `stacks/Pulumi.${stack}.yaml`), "utf8"));
  const [authority] = storedSteps(state, securityStep, "authority");
  const { secret = "", key = "" } = authority?.answer ?? {};
  const certified = storedSteps(state, securityStep, "certificate");
  const gossip = (state.deployment.resources ?? []).filter(({ urn }) => urn.endsWith("-gossip"));
  const found = [
    secret,
    ...[key, ...certified.map(({ answer }) => answer?.key ?? "")].map(lineOf),
    ...gossip.map(({ outputs }) => String(plainValue(outputs?.stdout)).trim()),
    ...secretsIn(tokensOf(secret, Object.keys(config["piinit:images"]))),
  ];
  if (gossip.length !== 2 || found.some((word) => word.length < 32))
    throw new Error("some of the stack's secrets are missing, and can't be searched for");
  return found;
}

/** Of a key in PEM, to find it in whatever form it is written. */
const lineOf = (pem: string) => pem.split("\n")[2] ?? "";

function secretsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => (name === "secret" ? [String(part)] : secretsIn(part)));
}

/**
 * Finds the processes of this computer with one of the words in their arguments, which everybody sees, until it is stopped. Pulumi
 * puts the settings into the environment of the program; that is for its user alone.
 */
export function watchProcesses(words: readonly string[]): () => string[] {
  const found = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const text = readIfThere(`/proc/${pid}/cmdline`);
      if (words.some((word) => text.includes(word))) found.add(readIfThere(`/proc/${pid}/comm`).trim());
    }
  }, 50);
  return () => {
    clearInterval(timer);
    return [...found];
  };
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Where others than the stack's owner could find one of the words: on this computer, on the lab's machines. */
export async function openPlaces(
  words: readonly string[],
  home: Checkout,
  ssh: (machine: string, command: string) => Promise<string>,
): Promise<string[]> {
  const stackFolder = path.join(home.dir, ".piinit/lab");
  const isMachines = (file: string) =>
    /^images\/server-\w+\.img$|^lab\/pi\d\.(data\.img|overlay\.qcow2)$/.test(path.relative(stackFolder, file));
  const here = (await filesWith(words, path.dirname(home.dir), cacheDir())).filter((file) => !isMachines(file));
  const folder = (statSync(stackFolder).mode & 0o077) === 0 ? [] : [stackFolder];
  const there: string[] = [];
  for (const name of machines) {
    await ssh(name, `${quoteCommand("printf", ["%s\\n", ...words])} >/run/words`);
    const found = await ssh(name, searchOnMachine);
    there.push(...found.split("\n").filter(Boolean));
    await ssh(name, "rm /run/words");
  }
  return [...here, ...folder, ...there];
}

const grep = "grep --recursive --fixed-strings --files-with-matches --no-messages --file";

/** The files in which one of the words is. */
async function filesWith(words: readonly string[], ...folders: string[]): Promise<string[]> {
  const [program = "", ...options] = `${grep}=-`.split(" ");
  const { stdout } = await execa(program, [...options, ...folders], { input: words.join("\n"), reject: false });
  return stdout.split("\n").filter(Boolean);
}

/** What somebody without rights sees, and the journal. */
const searchOnMachine = [
  `setpriv --reuid 65534 --regid 65534 --clear-groups ${grep}=/run/words --exclude=words / --exclude-dir=proc --exclude-dir=sys`,
  `setpriv --reuid 65534 --regid 65534 --clear-groups ${grep}=/run/words /proc/[0-9]*/cmdline`,
  "journalctl --no-pager | grep --fixed-strings --file=/run/words",
  "true",
].join("; ");

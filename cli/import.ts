import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { parse, stringify } from "yaml";
import { parseSettings } from "../components/settings.ts";
import { UserError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { projectDir } from "../lib/paths.ts";
import { isTerminal, question } from "../lib/terminal.ts";
import { type ConvertedStack, convert, machinesToAskFor, type NamedMachine } from "./import/home-stack.ts";
import { askForMachines, parseMachines } from "./import/machine-lines.ts";
import { type ImageVariables, readVariables, type VariableFile } from "./import/packer-variables.ts";
import { setSecret } from "./secret.ts";
import { prepareStack } from "./stack/stack.ts";

interface Options {
  stack: string;
  machine: string[];
  country?: string;
}

/** Converts the Packer variable files of the original piinit into a stack. */
export function define(command: Command): void {
  command
    .argument("<file>", "variables of the servers (pivariables.json)")
    .argument("[zfile]", "variables of the monitoring machine (zpivariables.json)")
    .option("--stack <name>", "the stack to create", "home")
    .option(
      "--machine <name=mac,ip>",
      "a machine, optionally with its image after another comma; repeat for each (asked for on a terminal)",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option("--country <code>", "the country of your Wi-Fi as two capital letters (asked for on a terminal)")
    .action(async (file: string, zfile: string | undefined, options: Options) => {
      await importStack(zfile === undefined ? [file] : [file, zfile], options);
    });
}

async function importStack(fileNames: string[], options: Options): Promise<void> {
  if (!/^[a-z][a-z0-9-]*$/.test(options.stack)) {
    throw new UserError(`--stack ${options.stack}: a stack's name has lower-case letters, digits and hyphens`);
  }
  const images = await readImages(fileNames);
  const stack = await findFreeFile(options.stack);
  const converted = convert(images, ...(await askForRest(images, options)));
  checkSettings(converted, stack);
  await write(converted, stack, fileNames);
  process.stdout.write(report(converted, stack.name));
}

async function readImages(fileNames: readonly string[]): Promise<ImageVariables[]> {
  const files = fileNames.map(async (file): Promise<VariableFile> => {
    const name = path.basename(file);
    return readFile(path.resolve(process.env.INIT_CWD ?? "", file), "utf8").then(
      (text) => ({ name, text }),
      ({ code }: NodeJS.ErrnoException) => ({
        name,
        problem: code === "ENOENT" ? "does not exist" : `can't be read (${code})`,
      }),
    );
  });
  const { images, faults } = readVariables(await Promise.all(files));
  if (faults.length === 0) return images;
  throw new UserError(["These variables can't be imported:", ...faults.map((fault) => `  ${fault}`)].join("\n"));
}

interface TargetFile {
  name: string;
  file: string;
  /** Pulumi's line in the file that is replaced. */
  encryptionsalt?: string;
}

/** The stack's file, if it doesn't exist yet or is the unchanged example. */
async function findFreeFile(name: string): Promise<TargetFile> {
  const file = path.join(projectDir, "stacks", `Pulumi.${name}.yaml`);
  if (!existsSync(file)) return { name, file };
  const { config, encryptionsalt } = parse(await readFile(file, "utf8")) as {
    config?: unknown;
    encryptionsalt?: string;
  };
  if (await isShippedExample(config)) return { name, file, ...(encryptionsalt && { encryptionsalt }) };
  throw new UserError(
    `Stack ${name} exists already, in stacks/Pulumi.${name}.yaml, and was left unchanged. Create another: --stack NAME`,
  );
}

/** Whether a stack's settings are still those of the example stack `home`. */
export async function isShippedExample(config: unknown): Promise<boolean> {
  const file = path.join(projectDir, "cli", "import", "shipped-example.yaml");
  const example = parse(await readFile(file, "utf8")) as { config: unknown };
  return canonicalJson(config) === canonicalJson(example.config);
}

/** The machines and the Wi-Fi's country, which the variables don't contain: from the options or the user. */
async function askForRest(
  images: readonly ImageVariables[],
  { machine, country }: Options,
): Promise<[NamedMachine[], string | undefined]> {
  const machines = parseMachines(machine);
  const needsCountry = country === undefined && images.some(({ wifi }) => wifi);
  if (machines.length > 0 && !needsCountry) return [machines, country];
  if (!isTerminal()) {
    throw new UserError(
      [
        "The variable files lack some values, and there is no terminal to ask for them:",
        ...(machines.length > 0 ? [] : ["  --machine pi1=b8:27:eb:00:00:01,192.168.2.51  once for each machine"]),
        ...(needsCountry ? ["  --country DE  the country of your Wi-Fi"] : []),
      ].join("\n"),
    );
  }
  const ask = (text: string) => question(text, { meaning: "Interrupted. Nothing was written." });
  return [
    machines.length > 0 ? machines : await askForMachines(machinesToAskFor(images), ask),
    needsCountry ? (await ask("The country of your Wi-Fi, two letters such as DE: ")).trim().toUpperCase() : country,
  ];
}

function checkSettings({ settings, secrets }: ConvertedStack, { name }: TargetFile): void {
  const complete = structuredClone(settings);
  for (const { path: key, value } of secrets) {
    const keys = key.split(".");
    const last = keys.pop() ?? "";
    const parent = keys.reduce((object, key) => object[key] as Record<string, unknown>, complete);
    parent[last] = value;
  }
  parseSettings(complete, name);
}

/** Tells editors where the schema of the file is. */
const schemaLine = "# yaml-language-server: $schema=schema.json\n";

/** Writes the stack's file and has Pulumi encrypt its secrets; if that fails, restores what was there before. */
async function write({ settings, secrets }: ConvertedStack, target: TargetFile, fileNames: string[]): Promise<void> {
  const before = await readFile(target.file, "utf8").catch(() => undefined);
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`piinit:${key}`, value]));
  const { encryptionsalt } = target;
  // Pulumi reads YAML 1.1, in which an unquoted country NO is a boolean.
  const text = stringify({ config, ...(encryptionsalt && { encryptionsalt }) }, { version: "1.1" });
  const origin = fileNames.map((file) => path.basename(file)).join(" and ");
  await writeFile(target.file, `${schemaLine}# Made from ${origin} by ./piinit import.\n${text}`);
  if (secrets.length === 0) return;
  try {
    const stack = await prepareStack(target.name);
    for (const { path: key, value } of secrets) await setSecret(stack, key, value);
  } catch (error) {
    await (before === undefined ? rm(target.file) : writeFile(target.file, before));
    throw error;
  }
}

function report({ carriedOver, notCarriedOver }: ConvertedStack, stack: string): string {
  const list = (lines: string[]) => lines.map((line) => `  ${line}`);
  return [
    `Wrote stacks/Pulumi.${stack}.yaml.`,
    "",
    "Carried over:",
    ...list(carriedOver),
    "Not carried over:",
    ...list(notCarriedOver),
    "Next:",
    ...list([
      `check stacks/Pulumi.${stack}.yaml and the output of ./piinit preview ${stack}`,
      `./piinit up ${stack} builds the images and lists the reservations for your router`,
    ]),
    "",
  ].join("\n");
}

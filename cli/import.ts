import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { stringify } from "yaml";
import { UserError } from "../lib/errors.ts";
import { isTerminal, question } from "../lib/terminal.ts";
import { type ConvertedStack, convert, machinesToAskFor, type NamedMachine } from "./import/home-stack.ts";
import { askForMachines, parseMachines } from "./import/machine-lines.ts";
import { type ImageVariables, readVariables, type VariableFile } from "./import/packer-variables.ts";
import { checkSettings, createStack, refuseName } from "./stack/new-stack.ts";

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
  const { stack } = options;
  const images = await readImages(fileNames);
  refuseName(stack, "--stack NAME");
  const converted = convert(images, ...(await askForRest(images, options)));
  checkSettings(converted.settings, converted.secrets, stack);
  await createStack(stack, textOf(converted, fileNames), converted.secrets);
  process.stdout.write(report(converted, stack));
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

/** Tells editors where the schema of the file is. */
const schemaLine = "# yaml-language-server: $schema=schema.json\n";

function textOf({ settings }: ConvertedStack, fileNames: readonly string[]): string {
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`piinit:${key}`, value]));
  const origin = fileNames.map((file) => path.basename(file)).join(" and ");
  // Pulumi reads YAML 1.1, in which an unquoted country NO is a boolean.
  return `${schemaLine}# Made from ${origin} by ./piinit import.\n${stringify({ config }, { version: "1.1" })}`;
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

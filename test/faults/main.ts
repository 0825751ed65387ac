import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Interrupted } from "../../lib/errors.ts";
import { projectDir } from "../../lib/paths.ts";
import { reportError } from "../../lib/terminal.ts";
import { finishOrReport } from "../../lib/unfinished.ts";
import { newSeed, randomFrom } from "../random.ts";
import { faultAnswers } from "./answers.ts";
import { faultCommands } from "./commands.ts";
import { faultHomes, faultMachines } from "./machines.ts";
import { type Part, type Row, tableOf } from "./part.ts";
import { withSection } from "./sections.ts";
import { faultSettings } from "./settings.ts";

const parts: Readonly<Record<string, Part>> = {
  settings: faultSettings,
  answers: faultAnswers,
  commands: faultCommands,
  machines: faultMachines,
  homes: faultHomes,
};

const file = path.join(projectDir, "docs", "bench", "faults.md");

const interrupt = new AbortController();
process.on("SIGINT", () => {
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort(new Interrupted());
});

/** Tries the parts that are named, or all; each result is printed and written to docs/bench/faults.md. */
async function main(): Promise<void> {
  const { values, positionals: named } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: "string" }, times: { type: "string" } },
  });
  const unknown = named.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);
  const seed = values.seed === undefined ? newSeed() : Number(values.seed);
  const times = values.times === undefined ? undefined : Number(values.times);
  for (const [name, part] of Object.entries(parts)) {
    if (named.length > 0 && !named.includes(name)) continue;
    process.stderr.write(`${name}, --seed ${seed}\n`);
    const say = (line: string) => process.stderr.write(`${name}: ${line}\n`);
    const rows = await part({ random: randomFrom(seed), times, signal: interrupt.signal, say });
    show(name, seed, rows);
  }
}

function show(name: string, seed: number, rows: readonly Row[]): void {
  const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim()})`;
  const text = `${machine}, \`--seed ${seed}\`.\n\n${tableOf(rows)}`;
  process.stdout.write(`${text}\n`);
  for (const { what, faults = [] } of rows) for (const fault of faults) process.stdout.write(`${what}: ${fault}\n`);
  if (rows.some(({ faults = [] }) => faults.length > 0)) process.exitCode = 1;
  writeFileSync(file, withSection(existsSync(file) ? readFileSync(file, "utf8") : heading, name, text));
}

const heading = `# Counted by \`npm run faults\`

Every fault comes from a generator with a seed: \`npm run faults -- PART --seed SEED\` tries the same again. A part that
wasn't run again has its former table.
`;

try {
  await finishOrReport(main());
} catch (error) {
  reportError(error);
}

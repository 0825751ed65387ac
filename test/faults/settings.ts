import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse, stringify } from "yaml";
import { makeCheckout } from "../e2e/checkout.ts";
import type { Random } from "../random.ts";
import { mutateSettings, mutateText } from "./mutate-settings.ts";
import { inTurn, type Row, type Trial } from "./part.ts";
import { machineryIn } from "./words.ts";

/** The commands that read a stack's file and change nothing. */
const commands = ["preview", "doctor"] as const;
const atOnce = 2;
const patienceMs = 120_000;

/** Stack files with something wrong in them, each given to a command; none may end in anything but plain words. */
export async function faultSettings({ random, times = 1000, signal, say }: Trial): Promise<Row[]> {
  const tmp = mkdtempSync(path.join(tmpdir(), "piinit-faults-"));
  const home = await makeCheckout({ TMPDIR: tmp });
  try {
    const texts = ["lab", "example"].map((stack) =>
      readFileSync(path.join(home.dir, `stacks/Pulumi.${stack}.yaml`), "utf8"),
    );
    const files = Array.from({ length: times }, (_, index) => ({
      name: `m${index}`,
      text: mutated(random.pick(texts), random),
      command: random.pick(commands),
    }));
    const faults: string[] = [];
    let refused = 0;
    await inTurn(files, atOnce, async ({ name, text, command }) => {
      signal.throwIfAborted();
      const file = path.join(home.dir, `stacks/Pulumi.${name}.yaml`);
      writeFileSync(file, text);
      const { exitCode, output } = await home.within(patienceMs, command, name);
      const problem = exitCode === -1 ? "no end" : machineryIn(output);
      if (problem) {
        faults.push(`${name}, ${command}: ${problem}`);
        say(`${faults.at(-1)}\n${text}\n${output}`);
      }
      if (exitCode !== 0) refused++;
      rmSync(file);
      if (Number(name.slice(1)) % 50 === 49) say(`${name.slice(1)} of ${times}`);
    });
    const left = readdirSync(tmp).filter((name) => !name.startsWith("tsx-")); // The cache of compiled modules.
    return [
      { what: `damaged stack files, each to \`preview\` or \`doctor\` (${refused} refused)`, times, faults },
      { what: "temporary files left by these", times, faults: left },
    ];
  } finally {
    home.remove();
    rmSync(tmp, { recursive: true });
  }
}

/** In half of the files a setting is wrong, in the others a line or a character. */
function mutated(text: string, random: Random): string {
  return random.number() < 0.5 ? mutateText(text, random) : stringify(mutateSettings(parse(text), random));
}

import { type Drive, describeDrive } from "../../burn/drive.ts";
import { Refused } from "../../burn/failure.ts";
import { pathOf, type Target } from "../../burn/target.ts";
import { isTerminal, question } from "../../lib/terminal.ts";

/** Lets a person choose among the drives that may be written to. */
export async function chooseDrives(offered: readonly Drive[]): Promise<Drive[]> {
  if (!isTerminal()) throw new Refused("Name what is to be written to: --drive /dev/… (or a file), with --yes.");
  const list = offered.map((drive, index) => `  ${index + 1}  ${describeDrive(drive)}\n`).join("");
  const answer = await ask(`${list}Which one? A number, or several with spaces between: `);
  const chosen = parseChoice(answer, offered.length);
  if (!chosen) throw new Refused(`${answer.trim() || "Nothing"} is no such number. Nothing was written.`);
  return chosen.map((index) => offered[index] as Drive);
}

/** Indexes of the numbers in a person's answer, each once; undefined when it has anything else, or nothing. */
export function parseChoice(answer: string, count: number): number[] | undefined {
  const words = answer.split(/[\s,]+/).filter(Boolean);
  const numbers = words.map((word) => (/^\d+$/.test(word) ? Number(word) : 0));
  if (numbers.length === 0 || numbers.some((number) => number < 1 || number > count)) return undefined;
  return [...new Set(numbers)].map((number) => number - 1);
}

/** Has a person type the name of each target that holds something: nobody types a wrong one by mistake. */
export async function confirm(targets: readonly Target[]): Promise<void> {
  for (const target of targets.filter(holdsSomething)) {
    const name = pathOf(target);
    const what = target.kind === "drive" ? describeDrive(target.drive) : name;
    await typed(name, `Everything on this will be lost:\n  ${what}\nType its name (${name}) to go on: `);
  }
}

const holdsSomething = (target: Target): boolean => target.kind === "drive" || target.bytes > 0;

/** Asks once for all cards that will be put in. */
export const confirmAll = (): Promise<void> =>
  typed("all", "Every card that is put in from now on is overwritten, without a question. Type all to go on: ");

async function typed(word: string, text: string): Promise<void> {
  if (!isTerminal()) throw new Refused("Nobody can be asked here. To write without a question: --yes.");
  const answer = (await ask(text)).trim();
  if (answer !== word) throw new Refused(`${answer || "Nothing"} is not ${word}. Nothing was written.`);
}

/** ^C and ^D end the question, and all that would come after it. */
const ask = (text: string): Promise<string> => question(text, { meaning: "Interrupted. Nothing was written." });

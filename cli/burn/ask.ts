import { type Drive, describeDrive } from "../../burn/drive.ts";
import { Refused } from "../../burn/failure.ts";
import { pathOf, type Target } from "../../burn/target.ts";
import { isTerminal, question } from "../../lib/terminal.ts";
import { parseChoice } from "../../lib/words.ts";

/** Lets the user choose from the drives that may be written to. */
export async function chooseDrives(offered: readonly Drive[]): Promise<Drive[]> {
  if (!isTerminal())
    throw new Refused("There is no terminal to ask in. Name the target: --drive /dev/… (or a file), and add --yes.");
  const list = offered.map((drive, index) => `  ${index + 1}  ${describeDrive(drive)}\n`).join("");
  const answer = await ask(`${list}Which one? A number, or several separated by spaces: `);
  const chosen = parseChoice(answer, offered.length);
  if (!chosen) throw new Refused(`${answer.trim() || "Nothing"} is not a number from the list. Nothing was written.`);
  return chosen.map((index) => offered[index] as Drive);
}

/** Makes the user type the name of each target that has content, which nobody does by mistake. */
export async function confirm(targets: readonly Target[]): Promise<void> {
  for (const target of targets.filter(hasContent)) {
    const name = pathOf(target);
    const what = target.kind === "drive" ? describeDrive(target.drive) : name;
    await requireTyped(name, `Everything on this will be lost:\n  ${what}\nType its name (${name}) to continue: `);
  }
}

const hasContent = (target: Target): boolean => target.kind === "drive" || target.bytes > 0;

/** Asks once for all cards that will be inserted. */
export const confirmAll = (): Promise<void> =>
  requireTyped("all", "Every card inserted from now on is overwritten without asking. Type all to continue: ");

async function requireTyped(word: string, text: string): Promise<void> {
  if (!isTerminal()) throw new Refused("There is no terminal to ask in. Add --yes to write without asking.");
  const answer = (await ask(text)).trim();
  if (answer !== word) throw new Refused(`${answer || "Nothing"} is not ${word}. Nothing was written.`);
}

/** ^C and ^D end the command. */
const ask = (text: string): Promise<string> => question(text, { meaning: "Interrupted. Nothing was written." });

import { machineName } from "../../components/schema/machines.ts";
import { UserError } from "../../lib/errors.ts";
import { anyOf, parseChoice, suggestion } from "../../lib/words.ts";
import type { CurrentLease } from "../../steps/router/base/driver.ts";
import { candidatesOf, type KnownMachine, type NewMachine, propose } from "./found.ts";

/** Asks the user one question. Fails on ^C. */
export type Ask = (question: string) => Promise<string>;

interface Stack {
  machines: readonly KnownMachine[];
  cidr: string;
  taken: readonly string[];
  /** The names of its images, and the one that is proposed first. */
  images: readonly string[];
  image: string;
}

/** Asks which of the numbered leases become machines of the stack, and for their names and images. */
export async function askForMachines(leases: readonly CurrentLease[], stack: Stack, ask: Ask): Promise<NewMachine[]> {
  const candidates = candidatesOf(leases, stack.machines);
  if (candidates.length === 0) return [];
  const chosen = await askForNumbers(candidates, ask);
  const added: NewMachine[] = [];
  for (const lease of chosen) {
    const machines = [...stack.machines, ...added];
    const image = added.at(-1)?.image ?? stack.image;
    const [proposed] = propose([lease], leases, { ...stack, machines, image });
    if (!proposed) throw new UserError(`the network ${stack.cidr} has no address left. Nothing was written.`);
    const name = await askForName(proposed, machines, ask);
    added.push({ ...proposed, name, image: await askForImage(name, proposed.image, stack.images, ask) });
  }
  return added;
}

async function askForNumbers(candidates: readonly CurrentLease[], ask: Ask): Promise<CurrentLease[]> {
  let answer = await ask("Which become machines of the stack? Numbers such as 1 2; Enter for none: ");
  for (;;) {
    if (answer.trim() === "") return [];
    const chosen = parseChoice(answer, candidates.length);
    if (chosen) return chosen.map((index) => candidates[index] as CurrentLease);
    answer = await ask("Only numbers from the list above, such as 1 2: ");
  }
}

/** Asks until the name can be used; Enter takes the proposed one. */
export async function askForName(
  { mac, ip, name }: KnownMachine,
  machines: readonly KnownMachine[],
  ask: Ask,
): Promise<string> {
  let answer = await ask(`${mac} gets ${ip}. Its name [${name}]: `);
  for (;;) {
    const given = answer.trim() || name;
    const { error } = machineName.safeParse(given);
    const isTaken = machines.some((other) => other.name === given);
    if (!error && !isTaken) return given;
    answer = await ask(`${isTaken ? `there is already a ${given}` : error?.issues[0]?.message}. Its name [${name}]: `);
  }
}

async function askForImage(name: string, proposed: string, images: readonly string[], ask: Ask): Promise<string> {
  if (images.length < 2) return proposed;
  let answer = await ask(`The image of ${name}: ${anyOf(images)} [${proposed}]: `);
  for (;;) {
    const given = answer.trim() || proposed;
    if (images.includes(given)) return given;
    answer = await ask(`must be ${anyOf(images)}${suggestion(given, images)} [${proposed}]: `);
  }
}

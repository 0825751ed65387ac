import type { Outcome } from "../e2e/checkout.ts";
import type { Random } from "../random.ts";
import { type Ended, type EndingName, endings } from "./ending.ts";
import { type House, makeHouse, stack, type Wish } from "./house.ts";
import { processesLeft } from "./left.ts";
import { distributionOf, type Row, type Trial } from "./part.ts";
import { machineryIn } from "./words.ts";

const commands = {
  up: ["up", stack, "--yes"],
  destroy: ["destroy", stack, "--yes"],
  build: ["build", "server", stack],
} as const;
type Command = keyof typeof commands;

const patienceMs = 5 * 60_000;
/** Steps look twice a second whether their parent is gone, and then undo what they have begun. */
const endMs = 15_000;

interface Round {
  command: Command;
  ending: EndingName;
  /** When it is ended, as a share of how long the command takes. */
  share: number;
  wish: Wish;
  forgetsPrograms: boolean;
}

interface Found {
  faults: string[];
  ended: Ended;
  upSeconds: number;
}

/**
 * Commands that are ended at any moment; the next `up` must do all that there is to do, and leave nothing of them.
 * Without images it takes a third of the time, and there is no `build`.
 */
export async function faultCommands({ random, times = 60, signal, say }: Trial, buildsImages = true): Promise<Row[]> {
  const house = await makeHouse(buildsImages);
  try {
    const tried = (Object.keys(commands) as Command[]).filter((command) => buildsImages || command !== "build");
    const whole = await runUndisturbed(house, tried, say);
    const faults = new Map<Command, string[]>(tried.map((command) => [command, []]));
    const rounds = roundsOf(random, times, tried);
    const ups: number[] = [];
    let over = 0;
    for (const [index, round] of rounds.entries()) {
      signal.throwIfAborted();
      const found = await tryRound(house, round, whole);
      const after = (round.share * whole.seconds(round)).toFixed(1);
      const what = `${round.command}, ${round.ending} after ${after} s`;
      say(`${index + 1}: ${what}; up ${found.upSeconds.toFixed(1)} s${found.ended.wasOver ? "; it was over" : ""}`);
      if (found.faults.length > 0) say(`WRONG: ${found.faults.join("\n  ")}\n${found.ended.log}`);
      faults.get(round.command)?.push(...found.faults.map((fault) => `${what}: ${fault}`));
      ups.push(found.upSeconds);
      if (found.ended.wasOver) over++;
    }
    const rows = [...faults].map(([command, list]) => ({
      what: `\`${command}\` ended at any moment by ^C or SIGKILL, then \`up\``,
      times: rounds.filter((round) => round.command === command).length,
      faults: list,
    }));
    const measured = `${distributionOf(ups)}; ${over} had ended by themselves before`;
    return [...rows, { what: "how long that `up` took: least / median / 90 % / most", times: ups.length, measured }];
  } finally {
    await house.close();
  }
}

/** Every command is ended in every way before one is ended in the same way again. */
function roundsOf(random: Random, times: number, tried: readonly Command[]): Round[] {
  const ways = tried.flatMap((command) =>
    (Object.keys(endings) as EndingName[]).map((ending) => ({ command, ending })),
  );
  let deck: typeof ways = [];
  let imageWord = 0;
  return Array.from({ length: times }, (_, index) => {
    if (deck.length === 0) deck = [...ways];
    const [way] = deck.splice(random.below(deck.length), 1) as [(typeof ways)[number]];
    const isBuild = way.command === "build";
    if (isBuild || random.below(3) === 0) imageWord = index + 3;
    return {
      ...way,
      share: random.number(),
      wish: { word: String(index + 3), hasMore: random.below(2) === 0, imageWord: String(imageWord) },
      forgetsPrograms: isBuild && random.below(3) === 0,
    };
  });
}

/** How it is when nothing is ended. */
interface Whole {
  seconds(round: Pick<Round, "command" | "forgetsPrograms">): number;
  kinds: ReadonlySet<string>;
}

async function runUndisturbed(house: House, tried: readonly Command[], say: (line: string) => void): Promise<Whole> {
  const run = async (command: Command) => {
    const outcome = await house.checkout.within(patienceMs, ...commands[command]);
    if (outcome.exitCode !== 0) throw new Error(`${command}, undisturbed, failed:\n${outcome.output}`);
    say(`${command}, undisturbed: ${outcome.seconds.toFixed(1)} s`);
    return outcome.seconds;
  };
  await run("up");
  const wish = { word: "1", hasMore: true, imageWord: "1" };
  house.want(wish);
  const build = tried.includes("build") ? await run("build") : 0;
  house.forgetPrograms();
  house.want({ ...wish, imageWord: "2" });
  const wholeBuild = tried.includes("build") ? await run("build") : 0;
  const up = await run("up");
  const destroy = await run("destroy");
  await run("up");
  const differences = [...(await house.differences(wish)), ...(await processesLeft(house.marks, endMs))];
  if (differences.length > 0) throw new Error(`undisturbed, there is something wrong:\n${differences.join("\n")}`);
  const seconds = { up, destroy, build };
  return {
    seconds: ({ command, forgetsPrograms }) => (forgetsPrograms ? wholeBuild : seconds[command]),
    kinds: await house.kinds(),
  };
}

async function tryRound(house: House, round: Round, { seconds, kinds }: Whole): Promise<Found> {
  house.want(round.wish);
  if (round.forgetsPrograms) house.forgetPrograms();
  const ended = await endings[round.ending](house, commands[round.command], round.share * seconds(round));
  const faults = await faultsOfEnd(house, ended);
  const up = await house.checkout.within(patienceMs, ...commands.up);
  faults.push(...faultsOfUp(up));
  if (up.exitCode === 0) {
    faults.push(...(await house.differences(round.wish)));
    const again = await house.checkout.within(patienceMs, ...commands.up);
    const changes = /^.*(?:updated|created|replaced|deleted).*$/m.exec(again.output);
    if (changes) faults.push(`one more up has something to do: ${changes[0]}`);
  }
  const processes = await processesLeft(house.marks, endMs);
  faults.push(...processes.map((process) => `it leaves ${process}`));
  const files = [...(await house.kinds())].filter((kind) => !kinds.has(kind));
  faults.push(...files.map((file) => `it leaves ${file}`));
  const log = faults.length > 0 ? `${ended.log}\n--- up\n${up.output}` : "";
  return { faults, ended: { ...ended, log }, upSeconds: up.seconds };
}

/** Of a command that was asked to end, and so ends in order. */
async function faultsOfEnd({ marks }: House, { exitCode, wasOver, log, isOrderly }: Ended): Promise<string[]> {
  if (!isOrderly) return [];
  const faults = (await processesLeft(marks, 0)).map((process) => `it ends before ${process}`);
  // ^C may come when it has done everything.
  if (exitCode !== 0 && (wasOver || exitCode !== 130)) faults.push(`its exit code is ${exitCode}`);
  const machinery = machineryIn(log.replaceAll("\r", ""));
  // A terminal gets colours.
  if (machinery && machinery !== "control characters") faults.push(`it shows ${machinery}`);
  return faults;
}

function faultsOfUp({ exitCode, output }: Outcome): string[] {
  const faults: string[] = [];
  if (exitCode !== 0) faults.push(`the next up ${exitCode === -1 ? "has no end" : `fails with exit code ${exitCode}`}`);
  const warning = /^.*(?:warning|pending operation).*$/im.exec(output);
  if (warning) faults.push(`the next up warns: ${warning[0]}`);
  const machinery = machineryIn(output);
  if (machinery) faults.push(`the next up shows ${machinery}`);
  return faults;
}

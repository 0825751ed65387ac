import { setTimeout as pause } from "node:timers/promises";
import { succeeded } from "../e2e/checkout.ts";
import { machines } from "../e2e/lab-home.ts";
import type { Random } from "../random.ts";
import { drawKills, drawOthers, type Fault } from "./draw.ts";
import { type Lab, makeLab } from "./lab.ts";
import { distributionOf, type Row, type Trial } from "./part.ts";
import { type Count, countRuns, type Outage, type Run, readRuns } from "./periodic.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

/** One machine of a lab after the other loses its power, fifty times. */
export const faultMachines = (trial: Trial) => faultLab(trial, drawKills(trial.random, trial.times ?? 50));

/** A lab's machines and router lose their power all at once, ten times, then a cable as often; at last a disk is full. */
export const faultHomes = (trial: Trial) => faultLab(trial, drawOthers(trial.random, trial.times ?? 10));

/** That takes hours, so after ^C what was tried counts. */
async function faultLab({ random, signal, say }: Trial, faults: readonly Fault[]): Promise<Row[]> {
  const lab = await makeLab();
  let traffic: Traffic | undefined;
  try {
    const begin = await comeUp(lab, random, say);
    traffic = startTraffic(machines, lab.urlsOf, lab.owner);
    const results: Result[] = [];
    for (const [index, fault] of faults.entries()) {
      const result = await tryFault(lab, fault, traffic);
      if (signal.aborted) break; // A terminal ends the commands of the fault, too.
      results.push(result);
      say(`${index + 1} of ${faults.length}: ${fault.what}; ${textOf(result)}`);
    }
    await pause(60_000); // The last minute's run is over then.
    const runs = await runsSoFar(lab, results);
    await traffic.stop();
    const lost = await lab.ask(traffic.lost);
    return [
      ...rowsOfFaults(results),
      { what: "acknowledged writes to Consul, lost", times: traffic.count(), faults: lost },
      ...rowsOfRuns(countRuns(runs, results, begin, results.at(-1)?.to ?? begin)),
      ...rowsOfGaps(results),
    ];
  } finally {
    await traffic?.stop();
    await lab.close();
  }
}

/** What became of a fault. */
interface Result extends Outage {
  what: string;
  wrong: string[];
  /** Time without an acknowledged write, seconds. */
  gap: { consul: number; nomad: number };
  /** Of the job that is due every minute, as far as Nomad knew then. */
  runs: Run[];
}

async function tryFault(lab: Lab, fault: Fault, traffic: Traffic): Promise<Result> {
  const from = Date.now() / 1000;
  const since = performance.now();
  const wrong = await whatIsWrongAfter(lab, fault, traffic);
  if (wrong.length > 0) await lab.checkout.piinit("up"); // So that it is no reason for the next one.
  const gap = { consul: traffic.longestGap("consul", since), nomad: traffic.longestGap("nomad", since) };
  const { what, machines: names } = fault;
  return {
    what,
    machines: names,
    from,
    to: Date.now() / 1000,
    wrong,
    gap,
    runs: await runsNow(lab),
  };
}

const runsNow = (lab: Lab) => lab.ask(({ nomad }) => readRuns(lab.owner, nomad, "heartbeat"));

function textOf({ machines: names, from, to, wrong, gap }: Result): string {
  const whole = `${names.join(", ")}, whole after ${Math.round(to - from)} s`;
  const gaps = `no write for ${gap.consul.toFixed(1)} s (Consul), ${gap.nomad.toFixed(1)} s (Nomad)`;
  return [whole, gaps, ...wrong.map((one) => `WRONG: ${one}`)].join("; ");
}

/** Nomad forgets runs after some hours; what it knows of one last counts. */
async function runsSoFar(lab: Lab, results: readonly Result[]): Promise<Run[]> {
  const all = [...results.flatMap(({ runs }) => runs), ...(await runsNow(lab))];
  return [...new Map(all.map((run) => [run.id, run])).values()];
}

function rowsOfFaults(results: readonly Result[]): Row[] {
  return [...new Set(results.map(({ what }) => what))].map((what) => {
    const ofIt = results.filter((result) => result.what === what);
    return { what, times: ofIt.length, faults: ofIt.flatMap(({ wrong }) => wrong) };
  });
}

const rowsOfRuns = ({ due, missed, doubled, leftOut }: Count): Row[] => [
  { what: "runs of a job that is due every minute, missed", times: due, faults: missed },
  { what: "the same, doubled", times: due, faults: doubled },
  { what: "the same, left out, because the run before was not over", times: due, measured: String(leftOut) },
];

function rowsOfGaps(results: readonly Result[]): Row[] {
  const single = results.filter(({ machines: names }) => names.length === 1);
  return (["consul", "nomad"] as const).map((agent) => ({
    what: `time without an acknowledged write to ${agent === "consul" ? "Consul" : "Nomad"}, one machine at fault: least / median / 90 % / most`,
    times: single.length,
    measured: distributionOf(single.map(({ gap }) => gap[agent])),
  }));
}

/** The first `up`, in whose first minutes a machine loses its power. Returns since when it is whole, seconds since 1970. */
async function comeUp(lab: Lab, random: Random, say: (line: string) => void): Promise<number> {
  const name = random.pick(machines);
  const after = random.number() * 60;
  const up = lab.checkout.piinit("up");
  let isOver = false;
  const over = up.finally(() => {
    isOver = true;
  });
  for (await lab.look(); !isOver && !lab.urlsOf(name); await lab.look()) await pause(500);
  if (isOver) succeeded(await over, "the first up");
  await Promise.race([pause(after * 1000), over]);
  await lab.kill(name);
  say(`${name} lost its power ${after.toFixed(0)} s after its start, while the first up ran`);
  succeeded(await lab.checkout.piinit("lab", "start", name), "lab start");
  succeeded(await over, "the first up");
  const why = await lab.whyNotWhole();
  if (why) throw new Error(why);
  await lab.look();
  return Date.now() / 1000;
}

async function whatIsWrongAfter(lab: Lab, fault: Fault, traffic: Traffic): Promise<string[]> {
  try {
    await fault.happen(lab);
    await lab.look();
    const why = await lab.whyNotWhole();
    return [...(why ? [why] : []), ...(await lab.ask(traffic.lost))];
  } catch (error) {
    return [String(error)];
  }
}

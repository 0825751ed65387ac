import { setTimeout as pause } from "node:timers/promises";
import { succeeded } from "../e2e/checkout.ts";
import { machines } from "../e2e/lab-home.ts";
import type { Random } from "../random.ts";
import { type Lab, makeLab } from "./lab.ts";
import { distributionOf, type Row, type Trial } from "./part.ts";
import { type Count, countRuns, type Outage, type Run, readRuns } from "./periodic.ts";
import { startTraffic, type Traffic } from "./traffic.ts";
import { machineryIn } from "./words.ts";

/** What happens to machines, and how they get their power, their cable or their space back; nothing else is done. */
interface Fault {
  what: string;
  machines: string[];
  happen(lab: Lab): Promise<void>;
}

/**
 * Machines and the router of a lab lose their power, their cables and their free space. That takes hours, so after ^C
 * what was tried counts.
 */
export async function faultMachines({ random, times = 50, signal, say }: Trial): Promise<Row[]> {
  const lab = await makeLab();
  let traffic: Traffic | undefined;
  try {
    const begin = await comeUp(lab, random, say);
    traffic = startTraffic(machines, lab.urlsOf, lab.owner);
    const faults = drawFaults(random, times);
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

const rowsOfRuns = ({ due, missed, doubled }: Count): Row[] => [
  { what: "runs of a job that is due every minute, missed", times: due, faults: missed },
  { what: "the same, doubled", times: due, faults: doubled },
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

/** As many kills of one machine as asked for, a fifth of that of all at once and of cables, and one full disk. */
function drawFaults(random: Random, times: number): Fault[] {
  const kinds = [killRunning, killBooting, killDuringUp];
  const fifth = Math.ceil(times / 5);
  return [
    ...Array.from({ length: times }, (_, index) => (kinds[index % kinds.length] ?? killRunning)(random, index)),
    ...Array.from({ length: fifth }, () => killAll(random)),
    ...Array.from({ length: fifth }, () => cut(random)),
    fillDisk(random),
  ];
}

const wait = (seconds: number) => pause(seconds * 1000);

/** What gives a machine its power again, as a person would. */
async function restart(lab: Lab, name: string, byUp: boolean): Promise<void> {
  const command = byUp ? ["up"] : ["lab", "start", name];
  succeeded(await lab.checkout.piinit(...command), command.join(" "));
}

function killRunning(random: Random): Fault {
  const [name, before, off] = [random.pick(machines), random.number() * 30, random.number() * 60];
  const byUp = random.below(3) === 0;
  return {
    what: "a machine killed while all run, and started again",
    machines: [name],
    async happen(lab) {
      await wait(before);
      await lab.kill(name);
      await wait(off);
      await restart(lab, name, byUp);
    },
  };
}

function killBooting(random: Random): Fault {
  const [name, after] = [random.pick(machines), random.number() * 90];
  const byUp = random.below(3) === 0;
  return {
    what: "a machine killed again while it boots",
    machines: [name],
    async happen(lab) {
      await lab.kill(name);
      await restart(lab, name, false);
      await wait(after);
      await lab.kill(name);
      await restart(lab, name, byUp);
    },
  };
}

function killDuringUp(random: Random, index: number): Fault {
  const [name, after] = [random.pick(machines), random.number() * 15];
  return {
    what: "a machine killed while `up` changes a key, and started by the next `up`",
    machines: [name],
    async happen(lab) {
      lab.checkout.edit("lab", (text) => text.replace(/page\/text: .*/, `page/text: Hello ${index}`));
      const up = lab.checkout.piinit("up");
      await wait(after);
      await lab.kill(name);
      const machinery = machineryIn((await up).output);
      await restart(lab, name, true);
      if (machinery) throw new Error(`up, on a machine that was killed, shows ${machinery}`);
    },
  };
}

function killAll(random: Random): Fault {
  const [before, off] = [random.number() * 30, random.number() * 20];
  return {
    what: "all machines and the router killed at once, and started again",
    machines,
    async happen(lab) {
      await wait(before);
      await lab.kill("router", ...machines);
      await wait(off);
      succeeded(await lab.checkout.piinit("lab", "start"), "lab start");
    },
  };
}

function cut(random: Random): Fault {
  const [name, before, off] = [random.pick(machines), random.number() * 10, random.number() * 60];
  return {
    what: "a machine's cable pulled out and put in again",
    machines: [name],
    async happen(lab) {
      await wait(before);
      succeeded(await lab.checkout.piinit("lab", "cut", name), "lab cut");
      await wait(off);
      succeeded(await lab.checkout.piinit("lab", "join", name), "lab join");
    },
  };
}

const fill = "dd if=/dev/zero of=/data/fill bs=1M 2>/dev/null; sync; df -h /data";
const tellMs = 3 * 60_000;

function fillDisk(random: Random): Fault {
  const name = random.pick(machines);
  return {
    what: "a machine's data partition filled, which `status` must tell, and emptied again",
    machines: [name],
    async happen({ checkout, status }) {
      succeeded(await checkout.piinit("lab", "ssh", name, "--", fill), "filling");
      const end = performance.now() + tellMs;
      let tells = false;
      while (!tells && performance.now() < end) {
        await pause(5000);
        const { machines: seen, problems } = await status();
        const about = JSON.stringify([problems, seen.find((one) => one.name === name)]);
        tells = /full|space|disk/i.test(about);
      }
      succeeded(await checkout.piinit("lab", "ssh", name, "--", "rm /data/fill"), "emptying");
      if (!tells) throw new Error(`status doesn't tell that the disk of ${name} is full`);
    },
  };
}

import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../lib/paths.ts";
import type { ExpectedMachine } from "../../steps/cluster/contract.ts";
import { clusterStatus } from "../../steps/cluster/status.ts";
import type { Random } from "../random.ts";
import { agent, consulAnswers, nomadAnswers, startStrangers } from "../unit/cluster/stranger.ts";
import { brokenManner } from "./manners.ts";
import type { Row, Trial } from "./part.ts";
import { faultRouters } from "./routers.ts";
import { faultUp } from "./up.ts";
import { machineryIn } from "./words.ts";

/** Agents and routers that answer wrongly, to the gate, the status, a router's step, and `up` itself. */
export async function faultAnswers(trial: Trial): Promise<Row[]> {
  const { times = 500 } = trial;
  const routers = Math.ceil(times * 0.3);
  const ups = Math.ceil(times * 0.1);
  return [
    ...(await faultAgents(trial, times - routers - ups)),
    await faultRouters(trial, routers),
    await faultUp(trial, ups),
  ];
}

const atOnce = 50;
const patienceMs = 60_000;

async function faultAgents({ random, signal, say }: Trial, times: number): Promise<Row[]> {
  const faults = { gate: [] as string[], status: [] as string[] };
  for (let done = 0; done < times; done += atOnce) {
    signal.throwIfAborted();
    const found = await askBatch(Math.min(atOnce, times - done), random);
    for (const kind of ["gate", "status"] as const) {
      if (found[kind]) faults[kind].push(found[kind]);
    }
    say(`${done + atOnce} agents; ${JSON.stringify(found)}`);
  }
  return [
    { what: "broken agents asked by the gate, fifty at a time", times, faults: faults.gate },
    { what: "the same, asked by `status`", times, faults: faults.status },
  ];
}

async function askBatch(count: number, random: Random): Promise<{ gate?: string; status?: string }> {
  const broken = Array.from({ length: count }, (_, index) => ({
    isNomad: index % 2 === 1,
    ...brokenManner(index % 2 === 1 ? nomadAnswers : consulAnswers, random),
  }));
  const strangers = await startStrangers({
    consul: agent(consulAnswers),
    ...Object.fromEntries(broken.map(({ manner }, index) => [`m${index}`, manner])),
  });
  try {
    const machines = broken.map(
      ({ isNomad }, index): ExpectedMachine => ({
        name: `m${index}`,
        ip: "127.0.0.1",
        mac: "b8:27:eb:00:00:01",
        image: "server",
        consulUrl: strangers.url(isNomad ? "consul" : `m${index}`),
        nomadUrl: strangers.url(`m${index}`),
        consulServer: true,
        ...(isNomad && { nomad: "both" }),
      }),
    );
    const expectation = { datacenter: "home", machines, deadlineSeconds: 0, remedy: "burn `IMAGE`", guards: "" };
    const about = broken.map(({ name }) => name).join("; ");
    const problems = { gate: await gateProblem(expectation), status: await statusProblem(expectation) };
    const named = Object.entries(problems).filter(([, problem]) => problem);
    return Object.fromEntries(named.map(([kind, problem]) => [kind, `${problem} (among: ${about})`]));
  } finally {
    await strangers.close();
  }
}

/** What is wrong with how the gate's own program ends. */
async function gateProblem(expectation: object): Promise<string | undefined> {
  const program = ["--import", "tsx", path.join("steps", "cluster", "main.ts"), "wait"];
  const options = { cwd: projectDir, input: JSON.stringify(expectation), reject: false, timeout: patienceMs } as const;
  const { stderr, exitCode, timedOut } = await execa("node", program, options);
  if (timedOut) return "no end";
  if (exitCode !== 1) return `exit code ${exitCode}`;
  return machineryIn(stderr);
}

async function statusProblem(expectation: Parameters<typeof clusterStatus>[0]): Promise<string | undefined> {
  const start = performance.now();
  try {
    const text = JSON.stringify(await clusterStatus(expectation), undefined, 1);
    return performance.now() - start > patienceMs ? "no end" : machineryIn(text);
  } catch (error) {
    return `it fails: ${error}`;
  }
}

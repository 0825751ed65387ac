import { writeFileSync } from "node:fs";
import path from "node:path";
import { makeCheckout } from "../e2e/checkout.ts";
import { stackSettings } from "../engine/cli/held.ts";
import { service } from "../engine/offline/service.ts";
import { openAccess } from "../engine/open-access.ts";
import { consulAnswers, type Manner, nomadAnswers, startStrangers } from "../unit/cluster/stranger.ts";
import { brokenManner } from "./manners.ts";
import type { Row, Trial } from "./part.ts";
import { machineryIn } from "./words.ts";

const program = `
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { NomadJobs } from "./components/jobs.ts";
import { ConsulKeys } from "./components/kv.ts";
const access = ${openAccess};
const { url, jobspec, round } = JSON.parse(readFileSync("wanted.json", "utf8"));
new ConsulKeys("keys", { consulUrl: url, access, datacenter: "dc1", values: { round } });
new NomadJobs("jobs", { nomadUrl: url, access, servers: [url], jobs: { page: { key: "page", jobspec, vars: { word: round } } }, isDisposable: false });
`;

const patienceMs = 180_000;
const everyAnswer = { ...consulAnswers, ...nomadAnswers, "/v1/kv": true, "/v1/job": {}, "/v1/deployment": {} };

/** `up` with keys and jobs for agents that answer wrongly. */
export async function faultUp({ random, signal, say }: Trial, times: number): Promise<Row> {
  const home = await makeCheckout();
  const faults: string[] = [];
  try {
    writeFileSync(path.join(home.dir, "index.ts"), program);
    writeFileSync(path.join(home.dir, "stacks/Pulumi.broken.yaml"), stackSettings);
    for (let round = 0; round < times; round++) {
      signal.throwIfAborted();
      const { name, manner } = brokenManner(everyAnswer, random);
      const v1: Manner = (socket, rest) => manner(socket, `/v1${rest}`);
      const strangers = await startStrangers({ v1 });
      const url = new URL(strangers.url("")).origin;
      const wanted = { url, jobspec: service("page"), round: String(round) };
      writeFileSync(path.join(home.dir, "wanted.json"), JSON.stringify(wanted));
      const { exitCode, output, seconds } = await home.within(patienceMs, "up", "broken", "--yes");
      await strangers.close();
      const problem = exitCode === -1 ? "no end" : machineryIn(output);
      if (problem) faults.push(`${name}: ${problem}`);
      say(`${name}: ${seconds.toFixed(0)} s${problem ? `, ${problem}\n${output}` : ""}`);
    }
  } finally {
    home.remove();
  }
  return { what: "`up` with broken agents behind its keys and jobs", times, faults };
}

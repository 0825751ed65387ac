import assert from "node:assert/strict";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import { silent } from "../../../lib/progress.ts";
import { run } from "../../../lib/run.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { type Agents, askJson, startAgents, until } from "../agents.ts";

interface Allocation {
  ID: string;
  ClientStatus: string;
  TaskStates: Record<string, { Restarts: number; StartedAt: string }> | null;
}

interface Instance {
  Service: { Address: string; Port: number };
  Checks: { CheckID: string; Status: string }[];
}

describe("the example jobs, run by real agents", function () {
  this.timeout(180_000);
  const path0 = process.env.PATH;
  let agents: Agents;

  before(async () => {
    const program = (await getTool("consul", { progress: silent })).path;
    process.env.PATH = `${path.dirname(program)}:${path0}`; // where raw_exec's tasks find consul
    agents = await startAgents();
  });
  after(async () => {
    process.env.PATH = path0 ?? "";
    await agents?.stop();
  });

  const submit = async (job: string, variables: Record<string, string>) => {
    const { path: program } = await getTool("nomad", { progress: silent });
    const given = Object.entries({ driver: "raw_exec", ...variables }).map(([name, value]) => `-var=${name}=${value}`);
    const file = path.join(projectDir, "jobs", `${job}.nomad.hcl`);
    const env = { PATH: process.env.PATH ?? "", HOME: "/nonexistent" };
    await run(program, ["job", "run", "-detach", `-address=${agents.nomad.url}`, ...given, file], {
      env,
      cleanEnv: true,
    });
  };
  const allocations = (job: string) => askJson<Allocation[]>(`${agents.nomad.url}/v1/job/${job}/allocations`);
  const put = (key: string, value: string) =>
    fetch(`${agents.consul.url}/v1/kv/${key}`, { method: "PUT", body: value });
  const get = async (key: string) => (await fetch(`${agents.consul.url}/v1/kv/${key}?raw`)).text();

  describe("page", () => {
    let url = "";
    const shows = async (text: string) => (await (await fetch(url)).text()).includes(`<h1>${text}</h1>`);

    it("is a Consul service whose check passes, and shows a key of Consul", async () => {
      await put("page/text", "Hello from Consul");
      await submit("page", { port: "0" });
      await until("the check passes", async () => {
        const [instance] = await askJson<Instance[]>(`${agents.consul.url}/v1/health/service/page`);
        const check = instance?.Checks.find(({ CheckID }) => CheckID.startsWith("_nomad-check"));
        url = `http://${instance?.Service.Address}:${instance?.Service.Port}/`;
        return check?.Status === "passing";
      });
      assert.ok(await shows("Hello from Consul"));
    });

    it("changes when the key changes, without a restart", async () => {
      // The task registers in Consul itself; its client tells Nomad's server a moment later.
      await until("Nomad has it running", async () => (await allocations("page"))[0]?.ClientStatus === "running");
      const [before] = await allocations("page");
      await put("page/text", "Good evening");
      await until("the page shows the new value", () => shows("Good evening"));
      const [after, ...more] = await allocations("page");
      assert.deepEqual(more, []);
      assert.equal(after?.ID, before?.ID);
      const [started, then] = [after, before].map((allocation) => allocation?.TaskStates?.httpd?.StartedAt);
      assert.ok(started, "the task has started");
      assert.equal(started, then);
      assert.equal(after?.TaskStates?.httpd?.Restarts, 0);
    });
  });

  describe("heartbeat", () => {
    const runs = async () => {
      const keys = await askJson<string[]>(`${agents.consul.url}/v1/kv/jobs/heartbeat/runs?keys`).catch(() => []);
      const texts = await Promise.all(keys.map(get));
      return texts
        .map(
          (text) =>
            Object.fromEntries(
              text
                .trim()
                .split(" ")
                .map((pair) => pair.split("=")),
            ) as Record<string, string>,
        )
        .map(({ begin, end, alloc, node }) => ({ begin: Number(begin), end: Number(end), alloc, node }))
        .sort((a, b) => a.begin - b.begin);
    };

    it("records its runs, which never overlap though each takes longer than the clock's interval", async () => {
      await submit("heartbeat", { cron: "* * * * * * *", seconds: "3", consul: new URL(agents.consul.url).host });
      await until("three runs are recorded", async () => (await runs()).length >= 3);
      const seen = await runs();
      for (const [index, one] of seen.entries()) {
        assert.ok(one.end - one.begin >= 3, JSON.stringify(one));
        assert.ok(one.begin >= (seen[index - 1]?.end ?? 0), JSON.stringify(seen));
        assert.equal(one.node, "test");
      }
      assert.equal(new Set(seen.map(({ alloc }) => alloc)).size, seen.length);
      const newest = await get("jobs/heartbeat/last");
      assert.match(newest, /^begin=\d+ alloc=\S+ node=test end=\d+$/);
      assert.ok(Number(await get("jobs/heartbeat/count")) >= 3);
    });

    it("keeps the last ten runs only", async () => {
      await put("jobs/heartbeat/count", "19");
      await until("the run after that is recorded", async () => Number(await get("jobs/heartbeat/count")) > 21);
      const keys = await askJson<string[]>(`${agents.consul.url}/v1/kv/jobs/heartbeat/runs?keys`);
      for (const key of keys) assert.match(key, /^jobs\/heartbeat\/runs\/\d$/);
    });
  });
});

import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { NoAnswer } from "../../../lib/http.ts";
import { type JobHealth, jobHealth } from "../../../steps/jobs/health.ts";
import { type Agents, startAgents, until } from "../agents.ts";
import { freePort } from "../ports.ts";
import { type JobOptions, job } from "./job.ts";

describe("the health of all jobs of a Nomad", function () {
  this.timeout(120_000);
  let agents: Agents;
  let listener: Server;
  let port: number;

  before(async () => {
    agents = await startAgents();
    port = await freePort();
    listener = createServer((socket) => socket.end()).listen(port, "127.0.0.1");
  });
  after(async () => {
    listener?.close();
    await agents?.stop();
  });

  async function register(name: string, options: JobOptions): Promise<void> {
    const post = async (path: string, body: object) => {
      const response = await fetch(`${agents.nomad.url}${path}`, { method: "POST", body: JSON.stringify(body) });
      assert.equal(response.status, 200, await response.clone().text());
      return response.json();
    };
    await post("/v1/jobs", { Job: await post("/v1/jobs/parse", { JobHCL: job(name, options), Canonicalize: true }) });
  }

  const look = () => jobHealth(agents.nomad.url, { consulUrl: agents.consul.url });

  /** Waits until the job is so. */
  async function becomes(id: string, status: JobHealth["status"], detail: RegExp): Promise<JobHealth> {
    let seen: JobHealth | undefined;
    const isSo = async () => {
      seen = (await look()).find((one) => one.id === id);
      assert.ok(seen?.status === status && detail.test(seen.detail), JSON.stringify(seen));
      return true;
    };
    await until(`${id} is ${status}`, isSo);
    return seen ?? assert.fail();
  }

  it("is judged for each job, as up does it", async () => {
    await register("good", {});
    await register("nowhere", { type: "system", datacenter: "CONTROL" });
    await register("waits", { template: "no/such", deadline: "5m", healthyDeadline: "4m" });
    await register("absent", { command: ["/no/such/program"] });
    await becomes("good", "healthy", /^is healthy: 1 of 1 running$/);
    await becomes("nowhere", "failed", /^can't be placed: no node is in the datacenter CONTROL: yours are in dc1$/);
    await becomes("waits", "waiting", /Template: Missing: kv\.block\(no\/such\)$/);
    await becomes("absent", "failed", /^failed: Failed due to unhealthy allocations$/);
    const names = (await look()).map(({ id }) => id);
    assert.deepEqual(names, ["absent", "good", "nowhere", "waits"]);
  });

  it("has the last run of a periodic job, which isn't a job of its own here", async () => {
    await register("clock", { type: "batch", cron: "* * * * * * *", command: ["/bin/true"] });
    await register("bell", { type: "batch", cron: "* * * * * * *", command: ["/bin/false"] });
    const bell = await becomes("bell", "failed", /^failed in its last run$/);
    assert.equal(bell.lastRun?.result, "failed");
    const clock = await becomes("clock", "healthy", /^is registered, and starts at/);
    await until("it has run", async () => (await look()).some(({ lastRun }) => lastRun?.result === "succeeded"));
    assert.equal(clock.type, "batch");
    assert.ok(Math.abs(Date.now() - Date.parse(clock.lastRun?.at ?? "")) < 60_000, clock.lastRun?.at);
    assert.ok((await look()).every(({ id }) => !id.includes("/")));
  });

  it("isn't good while a check of the job's service is critical in Consul", async () => {
    await register("web", { checkedPort: port });
    await becomes("web", "healthy", /^is healthy/);
    listener.close();
    await becomes("web", "waiting", /^runs, but its service web is critical in Consul: .*connection refused/);
    const unasked = (await jobHealth(agents.nomad.url)).find(({ id }) => id === "web");
    assert.equal(unasked?.status, "healthy");
  });

  it("isn't known where no Nomad answers", async () => {
    await assert.rejects(jobHealth("http://127.0.0.1:9"), NoAnswer);
  });
});

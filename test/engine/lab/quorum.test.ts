import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { awaitAgents } from "../../../steps/lab/agents.ts";
import { requireRecord, writeRecord } from "../../../steps/lab/folder.ts";
import { isOutdated, replaceMachine, startMachine } from "../../../steps/lab/machine.ts";
import { processOf } from "../../../steps/lab/machine-processes.ts";
import { context, makeLab, type TestLab, until } from "./fixture.ts";

/** An agent's HTTP API as far as the lab asks it; its answers may be changed at any time. */
interface FakeAgent {
  port: number;
  answers: Record<string, unknown>;
  close(): void;
}

async function fakeAgent(answers: Record<string, unknown>): Promise<FakeAgent> {
  const server: Server = createServer(({ url = "" }, response) => {
    // As the agents do: not all servers being healthy is an answer with status 429.
    const isIll = JSON.stringify(answers[url] ?? "").includes('"Healthy":false');
    response.writeHead(url in answers ? (isIll ? 429 : 200) : 404).end(JSON.stringify(answers[url]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    answers,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const health = (healthy: Record<string, boolean>) => ({
  Servers: Object.entries(healthy).map(([ip, Healthy]) => ({
    Name: ip,
    Address: `${ip}:8300`,
    Healthy,
    Voter: true,
    Leader: false,
  })),
});

describe("replacing a machine of a cluster", function () {
  this.timeout(240_000);
  let lab: TestLab;
  let agent: FakeAgent;
  before(function () {
    if (process.arch !== "x64") this.skip();
  });
  beforeEach(async () => {
    lab = await makeLab();
    agent = await fakeAgent({ "/v1/status/leader": "10.0.0.12:8300", "/v1/agent/self": { Config: { Server: true } } });
  });
  afterEach(async () => {
    agent?.close();
    await lab?.remove();
  });

  it("waits for the other servers' health before, and for its own agents after", async () => {
    agent.answers["/v1/operator/autopilot/health"] = health({
      "10.0.0.11": true,
      "10.0.0.12": true,
      "10.0.0.13": false,
    });
    await lab.startRouter();
    await startMachine(lab.machine(11), context);
    const record = await requireRecord(lab.dir, "pi11");
    await writeRecord({ ...record, ports: { ...record.ports, consul: agent.port } });
    const pid = await processOf(lab.dir, "pi11");
    const interrupt = new AbortController();
    const said: string[] = [];
    const replacing = replaceMachine(
      { ...lab.machine(11), memoryMiB: 48 },
      { signal: interrupt.signal, progress: { step: (text) => void said.push(text) } },
    );
    replacing.catch(() => {}); // Looked at below.
    await until("it says for whom it waits", () => said.some((line) => /waits.*10\.0\.0\.13/.test(line)));
    assert.equal(await processOf(lab.dir, "pi11"), pid, "it still runs");

    agent.answers["/v1/operator/autopilot/health"] = health({
      "10.0.0.11": true,
      "10.0.0.12": true,
      "10.0.0.13": true,
    });
    await until("it runs anew", async () => ![undefined, pid].includes(await processOf(lab.dir, "pi11")), 80);
    await until("it waits for its agent", () => said.some((line) => /consul does not answer yet/.test(line)));
    interrupt.abort();
    await assert.rejects(replacing);
  });

  it("leaves the machine as it is when the others stay ill, and makes up for it when they are well", async () => {
    const servers = { "10.0.0.11": true, "10.0.0.12": true };
    agent.answers["/v1/operator/autopilot/health"] = health({ ...servers, "10.0.0.13": false });
    await lab.startRouter();
    await startMachine(lab.machine(11), context);
    const record = await requireRecord(lab.dir, "pi11");
    await writeRecord({ ...record, ports: { ...record.ports, consul: agent.port } });
    const pid = await processOf(lab.dir, "pi11");
    const wanted = { ...lab.machine(11), memoryMiB: 48 };
    assert.equal((await replaceMachine(wanted, context)).ports.consul, agent.port);
    assert.equal(await processOf(lab.dir, "pi11"), pid);
    assert.equal(await isOutdated(wanted), true);

    agent.answers["/v1/operator/autopilot/health"] = health({ ...servers, "10.0.0.13": true });
    const interrupt = new AbortController();
    const replacing = replaceMachine(wanted, { ...context, signal: interrupt.signal });
    replacing.catch(() => {}); // Looked at below.
    await until("it runs anew", async () => ![undefined, pid].includes(await processOf(lab.dir, "pi11")), 80);
    assert.equal(await isOutdated(wanted), false);
    // The tiny guest has no agent that could come back.
    interrupt.abort();
    await assert.rejects(replacing);
  });

  it("is over when server and client are back, each by its agent's own word", async () => {
    const own = { "10.0.0.11": false, "10.0.0.12": true };
    Object.assign(agent.answers, {
      "/v1/agent/self": { config: { Server: { Enabled: true } }, stats: { client: { node_id: "n1" } } },
      "/v1/operator/autopilot/health": health(own),
      "/v1/node/n1": { Status: "initializing" },
    });
    await lab.startRouter();
    await startMachine(lab.machine(11), context);
    let isBack = false;
    const waiting = awaitAgents(lab.machine(11), { nomad: agent.port }, ["nomad"], context).then(() => {
      isBack = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(isBack, false, "an unhealthy server is not back");
    agent.answers["/v1/operator/autopilot/health"] = health({ ...own, "10.0.0.11": true });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(isBack, false, "a client that isn't ready is not back");
    agent.answers["/v1/node/n1"] = { Status: "ready" };
    await waiting;
  });

  it("tells of a machine that lost power meanwhile", async () => {
    agent.answers["/v1/status/leader"] = "";
    const waiting = awaitAgents(lab.machine(11), { consul: agent.port }, ["consul"], context);
    await assert.rejects(waiting, /pi11 has lost power/);
  });
});

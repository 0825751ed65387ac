import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";
import { UserError } from "../../../lib/errors.ts";
import { projectDir } from "../../../lib/paths.ts";
import { silent } from "../../../lib/progress.ts";
import type { Expectation } from "../../../steps/cluster/contract.ts";
import { clusterStatus } from "../../../steps/cluster/status.ts";
import { waitUntilReady } from "../../../steps/cluster/wait.ts";
import { until } from "../agents.ts";
import { type Cluster, makeCluster } from "./cluster.ts";
import { slowWay } from "./slow-way.ts";

const enough = 180;
const busyMs = 1200;

describe("the gate, in front of real Consul and Nomad agents", function () {
  this.timeout(400_000);
  let cluster: Cluster;
  const expectation = (deadlineSeconds: number): Expectation => ({
    datacenter: "home",
    machines: cluster.machines,
    deadlineSeconds,
    remedy: "burn `server`, power NAME on, and run up again",
    guards: "",
  });
  const names = ["pi1", "pi2", "pi3"];
  const ready = (missing: string[] = []) => ({
    consulUrl: cluster.machines[0]?.consulUrl ?? "",
    nomadUrl: cluster.machines[0]?.nomadUrl,
    seen: names.filter((name) => !missing.includes(name)),
    missing,
  });
  /** Passes at once, whatever is missing, and returns what it said. */
  const passes = async (missing: string[]): Promise<string> => {
    const lines: string[] = [];
    const answer = await waitUntilReady(expectation(0), { step: (line) => lines.push(line) });
    assert.deepEqual(answer, ready(missing));
    return lines.join("\n");
  };
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => assert.fail("it was let pass"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  };
  /** Waits for the gate to say something, with the agents as they are. */
  const says = async (pattern: RegExp) => {
    const stop = new AbortController();
    const lines: string[] = [];
    const step = (line: string) => {
      lines.push(line);
      if (pattern.test(line)) stop.abort();
    };
    await waitUntilReady(expectation(enough), { step }, stop.signal).catch(() => {});
    assert.ok(stop.signal.aborted, `never said ${pattern}, but:\n${lines.join("\n")}`);
  };

  before(async () => {
    cluster = await makeCluster();
  });
  after(() => cluster?.close());

  it("names every machine and what to do when nothing answers", async () => {
    const message = await refusal(waitUntilReady(expectation(0), silent));
    assert.match(message, /had no quorum within 0 s/);
    assert.match(
      message,
      /pi2, 127\.0\.0\.1, b8:27:eb:00:00:02: no answer from Consul at http:\S+: connection refused; burn `server`, power pi2 on/,
    );
    assert.match(message, /Consul has no leader: 0 of 3 servers answer/);
    assert.match(message, /Nomad has no leader: 0 of 2 servers answer/);
  });

  it("waits for a machine that comes late, and lets it pass", async () => {
    await cluster.start("pi1");
    await cluster.start("pi2");
    const lines: string[] = [];
    const passed = waitUntilReady(expectation(enough), { step: (line) => lines.push(line) });
    await says(/pi3 \(127\.0\.0\.1\): no answer from Consul.*; Consul 2 of 3 servers, no leader/);
    await cluster.start("pi3");
    assert.deepEqual(await passed, ready());
    assert.match(
      lines.at(-1) ?? "",
      /^the cluster is ready: Consul 3 of 3 servers, leader pi\d; Nomad 2 of 2 servers, leader pi\d; 2 of 2 clients$/,
    );
  });

  it("answers as a program, with the same addresses each time", async () => {
    const program = path.join(projectDir, "steps", "cluster", "main.ts");
    const input = JSON.stringify(expectation(enough));
    const { stdout } = await execa("node", ["--import", "tsx", program, "wait"], { cwd: projectDir, input });
    assert.deepEqual(JSON.parse(stdout), ready());
  });

  it("tells the status of all of it", async () => {
    const status = await clusterStatus(expectation(0));
    assert.deepEqual(status.machines[1], {
      name: "pi2",
      ip: "127.0.0.1",
      reachable: true,
      hostname: "pi2",
      problem: null,
      action: null,
    });
    assert.equal(status.state, "healthy");
    assert.deepEqual(status.consul.peers, ["pi1", "pi2", "pi3"]);
    assert.deepEqual(status.nomad.servers, ["pi1", "pi2"]);
    assert.deepEqual(status.nomad.clients, ["pi1", "pi3"]);
    assert.ok(status.consul.peers.includes(status.consul.leader ?? ""));
  });

  it("does not take busy agents for a lost quorum", async () => {
    const ways = await Promise.all(cluster.machines.slice(0, 2).map(({ consulUrl }) => slowWay(consulUrl, busyMs)));
    const machines = cluster.machines.map((machine, index) => ({
      ...machine,
      consulUrl: ways[index]?.url ?? machine.consulUrl,
    }));
    const status = await clusterStatus({ ...expectation(0), machines });
    await Promise.all(ways.map((way) => way.close()));
    assert.equal(status.state, "healthy");
    assert.equal(status.consul.present, 3);
  });

  it("passes without a Nomad agent that was killed, and names it", async () => {
    await cluster.kill("pi3", "nomad");
    const said = await passes(["pi3"]);
    assert.match(said, /^2 of 3 machines are there:\n {2}pi3, .*: no answer from Nomad at .*journalctl -u nomad\n/);
  });

  it("names a Consul server that was killed while the others go on", async () => {
    await cluster.kill("pi3");
    await says(/pi3 .*no answer from Consul.*; Consul 2 of 3 servers, leader pi[12];/);
    const status = await clusterStatus(expectation(0));
    const { problem, action, ...pi3 } = status.machines[2] ?? assert.fail("no third machine");
    assert.deepEqual(pi3, { name: "pi3", ip: "127.0.0.1", reachable: false, hostname: null });
    assert.match(problem ?? "", /^no answer from Consul at http:\S+: connection refused$/);
    assert.equal(action, "burn `server`, power pi3 on, and run up again");
    assert.equal(status.state, "degraded");
    await until("Consul counts it as failed", async () => (await clusterStatus(expectation(0))).consul.spare === 0);
  });

  it("tells a Nomad that has lost its leader from one that is off", async () => {
    await cluster.start("pi3");
    await waitUntilReady(expectation(enough), silent);
    await cluster.kill("pi1", "nomad");
    const lost = async () => (await clusterStatus(expectation(0))).nomad.leader === null;
    await until("Nomad has lost its quorum", lost);
    const status = await clusterStatus(expectation(0));
    assert.match(status.machines[0]?.problem ?? "", /no answer from Nomad/);
    assert.equal(status.machines[1]?.problem, null);
    assert.match(JSON.stringify(status.problems), /Nomad has no leader: 1 of 2 servers answer/);
    await cluster.start("pi1");
    // Whose address it is depends on when pi1 knows the leader.
    assert.deepEqual((await waitUntilReady(expectation(enough), silent)).missing, []);
    await cluster.kill("pi3");
  });

  it("waits a minute for a machine that was there before, and not again", async () => {
    const start = performance.now();
    const last = await waitUntilReady(expectation(enough), silent, undefined, ready());
    assert.ok(performance.now() - start > 59_000);
    assert.deepEqual(last, { ...ready(["pi3"]), seen: names });
    assert.deepEqual(await waitUntilReady(expectation(enough), silent, undefined, last), last);
  });

  it("answers with the next server while the first is off", async () => {
    await cluster.start("pi3");
    assert.deepEqual(await waitUntilReady(expectation(enough), silent), ready());
    await cluster.kill("pi1");
    const machines = cluster.machines.map((machine) => ({ ...machine, nomad: undefined }));
    const last = { ...ready(), missing: ["pi1"] };
    const answer = await waitUntilReady({ ...expectation(enough), machines }, silent, undefined, last);
    assert.equal(answer.consulUrl, cluster.machines[1]?.consulUrl);
    assert.deepEqual(answer.missing, ["pi1"]);
    await cluster.start("pi1");
    const back = await waitUntilReady(expectation(enough), silent, undefined, ready());
    // Its Nomad may not know the leader yet, and is not asked then.
    assert.deepEqual({ ...back, nomadUrl: ready().nomadUrl }, ready());
    await cluster.kill("pi3");
  });

  it("tells a wrong datacenter and a wrong gossip key apart", async () => {
    await cluster.start("pi3", { datacenter: "work" });
    await says(/pi3 .*its Consul is of the datacenter work, the stack's is home/);
    await cluster.start("pi3", { gossipKey: "ZO8HkZGhnvzoGGAqyAEaRNPSgEVUkE0vHXKLtLwmXv8=" });
    await says(/pi3 .*its Consul runs, but has not joined the others/);
    await cluster.kill("pi3");
  });

  it("lets the cluster pass again when the machine is back as it should be", async () => {
    await cluster.start("pi3");
    assert.deepEqual(await waitUntilReady(expectation(enough), silent), ready());
  });

  it("names a machine that is called otherwise, with both names", async () => {
    await cluster.kill("pi3");
    await cluster.start("pi3", { calledItself: "pi9" });
    await says(/pi3 \(127\.0\.0\.1\): 127\.0\.0\.1 calls itself pi9 instead of pi3/);
    const message = await passes(["pi3"]);
    assert.match(message, /give b8:27:eb:00:00:03 the name pi3 there instead of pi9, then restart the machine/);
    await cluster.joined("pi9");
    await cluster.kill("pi3");
  });

  it("tells how a server comes back after it had a wrong name, and lets it pass then", async () => {
    await cluster.start("pi3");
    await says(/pi3 .*it is still listed under its earlier name, pi9/);
    const message = await passes(["pi3"]);
    const [, name] = /make a server forget that name: consul force-leave -prune (\S+)$/m.exec(message) ?? [];
    const answer = await fetch(`${cluster.machines[0]?.consulUrl}/v1/agent/force-leave/${name}?prune`, {
      method: "PUT",
    });
    assert.ok(answer.ok);
    assert.deepEqual(await waitUntilReady(expectation(enough), silent), ready());
  });

  it("stops at once when it is interrupted", async () => {
    await cluster.kill("pi3");
    await assert.rejects(
      waitUntilReady(expectation(enough), silent, AbortSignal.timeout(1500)),
      /interrupted while waiting for pi3/,
    );
  });
});

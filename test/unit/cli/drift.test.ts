import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { correct } from "../../../cli/drift/correction.ts";
import { tellSlow } from "../../../cli/drift/drift.ts";
import { gateDrift } from "../../../cli/drift/gate.ts";
import { correctJob } from "../../../cli/drift/jobs.ts";
import { keyDrift } from "../../../cli/drift/keys.ts";
import { withAgents } from "../../../cli/drift/providers.ts";
import type { StackState } from "../../../cli/stack/state.ts";
import { storedSteps } from "../../../cli/stack/steps.ts";
import { hasChanged, withOutputsOf } from "../../../cli/stack/update.ts";
import { clusterStep, type ReadyCluster } from "../../../steps/cluster/contract.ts";
import type { Judgement } from "../../../steps/cluster/judge.ts";

const stateOf = (...resources: object[]): StackState => ({ deployment: { resources: resources as never } });
const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  plaintext: JSON.stringify(value),
});

describe("a corrected state", () => {
  const job = { urn: "urn::page", type: "nomad:index/job:Job", outputs: { a: 1, __pulumi_raw_state_delta: {} } };

  it("is the same when nothing is to be corrected", () => {
    const state = stateOf(job);
    assert.equal(correct(state, []), state);
  });

  it("has an error for each reason, which makes Pulumi update the resource, and the outputs as they should be", () => {
    const before = stateOf({ ...job, initErrors: ["failed before"] }, { urn: "urn::other", type: "t" });
    const corrections = [
      { urn: "urn::page", reason: "gone" },
      { urn: "urn::page", reason: "other", outputs: { a: 2 } },
    ];
    assert.deepEqual(correct(before, corrections).deployment.resources, [
      { ...job, initErrors: ["failed before", "gone", "other"], outputs: { a: 2 } },
      { urn: "urn::other", type: "t" },
    ]);
  });
});

describe("the drift of jobs", () => {
  const job = {
    urn: "urn::page",
    type: "nomad:index/job:Job",
    id: "page",
    outputs: { namespace: "home", modifyIndex: "7" },
  };
  const drift = (...indexes: [string, number][]) => correctJob(job, new Map(indexes));

  it("is none where Nomad has the state's index", () => {
    assert.deepEqual(drift(["home/page", 7], ["default/page", 8]), []);
  });

  it("is another index, and the state gets Nomad's", () => {
    const reason = "the job page has changed in Nomad since the last update: up registers it again";
    assert.deepEqual(drift(["home/page", 9]), [{ urn: "urn::page", reason, outputs: { modifyIndex: "9" } }]);
  });

  it("is a job that is gone", () => {
    const [{ reason, outputs } = {}] = drift(["default/page", 7]);
    assert.equal(reason, "the job page is gone from Nomad: up registers it again");
    assert.deepEqual(outputs, { modifyIndex: "0" });
  });
});

describe("the drift of keys that can't be read", () => {
  const key = { path: "a/b", value: secret("hidden"), delete: true };
  const keys = { urn: "urn::a/b", type: "consul:index/keys:Keys", inputs: { keys: [key] } };

  it("is unknown, and said once", async () => {
    const { corrections, unknown } = await keyDrift(stateOf(keys, keys), undefined);
    assert.deepEqual(corrections, []);
    assert.equal(unknown.length, 1);
  });

  it("is certain after a failed write, also of a secret", async () => {
    const failed = { ...keys, inputs: { keys: secret([{ ...key, value: "hidden" }]) }, initErrors: ["HTTP 500"] };
    const { corrections } = await keyDrift(stateOf(failed), undefined);
    assert.deepEqual(corrections, [
      {
        urn: "urn::a/b",
        reason: "the key a/b may not have been written: up writes it again",
        outputs: { keys: [{ path: "a/b", value: "piinit: not written", delete: true }] },
      },
    ]);
  });
});

describe("the drift of the gate", () => {
  const one = { consulUrl: "http://192.168.2.51:8500", nomadUrl: "http://192.168.2.51:4646" };
  const two = { consulUrl: "http://192.168.2.52:8500", nomadUrl: "http://192.168.2.52:4646" };
  const judged = (missing: string[], quorum?: typeof one): Judgement => ({
    ...(quorum && { quorum }),
    findings: missing.map((name) => ({ machine: { name } as never, problem: "off", action: "on" })),
    isHopeless: false,
    summary: "",
  });
  const reasons = (judgement: Judgement, answer?: ReadyCluster) =>
    gateDrift({ gate: { urn: "urn::ready", input: {} as never, answer }, judgement }).map(({ reason }) => reason);

  it("is none for a cluster as the gate last saw it, with or without all machines", () => {
    assert.deepEqual(reasons(judged([], one), one), []);
    assert.deepEqual(reasons(judged(["pi2"], one), { ...one, missing: ["pi2"] }), []);
  });

  it("is none for a server that lags for a moment", () => {
    const judgement = judged(["pi2"], one);
    const findings = judgement.findings.map((finding) => ({ ...finding, isSettling: true as const }));
    assert.deepEqual(reasons({ ...judgement, findings }, one), []);
  });

  it("is a machine that is missing now, or back", () => {
    assert.deepEqual(reasons(judged(["pi2"], one), one), ["pi2 is missing: up waits for it"]);
    assert.deepEqual(reasons(judged([], one), { ...one, missing: ["pi2"] }), ["pi2 is back"]);
    const judgement = judged(["pi2"], one);
    const findings = judgement.findings.map((finding) => ({ ...finding, isSettling: true as const }));
    assert.deepEqual(reasons({ ...judgement, findings }, { ...one, missing: ["pi2"] }), ["pi2 is back"]);
  });

  it("is an agent that no longer answers for the cluster", () => {
    assert.deepEqual(reasons(judged(["pi1"], two), { ...one, missing: ["pi1"] }), [
      "up asks Consul at http://192.168.2.52:8500, as http://192.168.2.51:8500 is not part of the quorum",
      "up asks Nomad at http://192.168.2.52:4646, as http://192.168.2.51:4646 is not part of the quorum",
    ]);
  });

  it("is a cluster without a quorum", () => {
    assert.deepEqual(reasons(judged(["pi1", "pi2"]), one), ["the cluster has no quorum: up waits for it"]);
  });
});

describe("the providers in a state", () => {
  const provider = (name: string, address: string) => ({
    ...{ urn: `urn::${name}`, type: `pulumi:providers:${name}` },
    ...{ inputs: { address }, outputs: { address } },
  });
  const state = stateOf(provider("consul", "http://a:8500"), provider("nomad", "http://a:4646"));

  it("are led to agents that answer, and left alone where they talk to them", () => {
    const led = withAgents(state, { consulUrl: "http://b:8500", nomadUrl: "http://a:4646" });
    assert.deepEqual(led, stateOf(provider("consul", "http://b:8500"), provider("nomad", "http://a:4646")));
    assert.equal(withAgents(state, { consulUrl: "http://a:8500" }), state);
  });
});

describe("a step in a state", () => {
  const expectation = { datacenter: "home", machines: [], deadlineSeconds: 1, remedy: "", guards: "" };
  const machine = { name: "pi1", ip: "192.168.2.51", mac: "m", image: "server", consulServer: true };
  const input = { ...expectation, machines: [{ ...machine, consulUrl: "http://192.168.2.51:8500", nomadUrl: "" }] };
  const step = (stdin: unknown, stdout: unknown, verb = "wait") => ({
    ...{ urn: "urn::ready", type: "command:local:Command" },
    inputs: { create: `node --import tsx steps/cluster/main.ts ${verb}`, stdin: secret(stdin) },
    outputs: { stdout },
  });

  it("is found by its program and verb, with what it got and answered", () => {
    const answer = { consulUrl: "http://192.168.2.51:8500" };
    const stored = step(JSON.stringify(input), secret(`${JSON.stringify(answer)}\n`));
    assert.deepEqual(storedSteps(stateOf(stored, step("{}", "", "other")), clusterStep, "wait"), [
      { urn: "urn::ready", input, answer },
    ]);
  });

  it("is left out with another version's input, and has no answer where it was interrupted", () => {
    assert.deepEqual(storedSteps(stateOf(step("{}", "{}")), clusterStep, "wait"), []);
    assert.equal(storedSteps(stateOf(step(JSON.stringify(input), "")), clusterStep, "wait")[0]?.answer, undefined);
  });
});

describe("an update", () => {
  const summary = (changes: object) =>
    `{"sequence":1}\n${JSON.stringify({ summaryEvent: { resourceChanges: changes } })}\n`;

  it("has changed something if any resource is not the same", () => {
    assert.equal(hasChanged(summary({ same: 29 })), false);
    assert.equal(hasChanged(summary({ same: 28, update: 1 })), true);
    assert.equal(hasChanged(""), false);
  });

  it("that failed keeps the outputs of the one before", () => {
    const stack = (outputs: object) => ({ urn: "urn::stack", type: "pulumi:pulumi:Stack", outputs });
    const before = stateOf(stack({ consul: "http://a", nomad: "http://b" }));
    assert.deepEqual(
      withOutputsOf(before, stateOf(stack({ consul: "http://c" }))),
      stateOf(stack({ consul: "http://c", nomad: "http://b" })),
    );
    const whole = stateOf(stack({ consul: "http://c", nomad: "http://d" }));
    assert.equal(withOutputsOf(before, whole), whole);
  });
});

describe("a look at what is there", () => {
  it("says what it still waits for, unless it has ended", async () => {
    const said: string[] = [];
    const progress = { step: (line: string) => void said.push(line) };
    const looks = { "the lab": Promise.resolve(), "the router": new Promise(() => {}) };
    tellSlow(looks, progress, 10);
    tellSlow(looks, progress, 10)();
    await sleep(50);
    assert.deepEqual(said, ["compares with what is there: the router"]);
  });
});

import assert from "node:assert/strict";
import type { ReadyCluster } from "../../../steps/cluster/contract.ts";
import type { Judgement } from "../../../steps/cluster/judge.ts";
import { canElect, decide, since, wasSeen } from "../../../steps/cluster/patience.ts";

const agents = { consulUrl: "http://192.168.2.51:8500" };
const all = ["pi1", "pi2", "pi3"];

function judged(missing: string[], { quorum = true, isHopeless = false } = {}): Judgement {
  const findings = missing.map((name) => ({ machine: { name } as never, problem: "off", action: "power it on" }));
  return { ...(quorum && { quorum: agents }), findings, isHopeless, summary: "" };
}

/** Seconds after a start at which the gate decides, with a quorum from the start and ten minutes at most. */
const at = (seconds: number, judgement: Judgement, last?: ReadyCluster) =>
  decide(judgement, last, { quorum: 0, hopeless: undefined, now: seconds * 1000, end: 600_000 });

describe("how long the gate waits", () => {
  it("is not at all when nothing is missing", () => {
    assert.equal(at(0, judged([])), "pass");
  });

  it("is the whole time for a machine of a new cluster, and the gate passes without it then", () => {
    assert.equal(at(599, judged(["pi2"])), "wait");
    assert.equal(at(600, judged(["pi2"])), "pass");
  });

  it("is a minute of quorum for a machine that was there before", () => {
    const last = { ...agents, seen: all, missing: [] };
    assert.equal(at(59, judged(["pi2"]), last), "wait");
    assert.equal(at(60, judged(["pi2"]), last), "pass");
    assert.equal(at(60, judged(["pi2", "pi4"]), last), "wait");
  });

  it("is a minute, too, where an earlier version has seen all machines", () => {
    assert.equal(at(59, judged(["pi2"]), agents), "wait");
    assert.equal(at(60, judged(["pi2"]), agents), "pass");
  });

  it("is nothing for a machine that the last run went on without", () => {
    const last = { ...agents, seen: all, missing: ["pi2"] };
    assert.equal(at(0, judged(["pi2"]), last), "pass");
    assert.equal(at(0, judged(["pi2", "pi3"]), last), "wait");
  });

  it("is a minute for one of those that answers again", () => {
    const last = { ...agents, seen: all, missing: ["pi2"] };
    const [finding] = judged(["pi2"]).findings;
    assert.ok(finding);
    const returning = { ...judged([]), findings: [{ ...finding, isSettling: true as const }] };
    assert.equal(at(59, returning, last), "wait");
    assert.equal(at(60, returning, last), "pass");
  });

  it("is the whole time for a quorum, unless none can come", () => {
    const none = { quorum: undefined, hopeless: undefined, end: 600_000 };
    assert.equal(decide(judged([], { quorum: false }), undefined, { ...none, now: 599_999 }), "wait");
    assert.equal(decide(judged([], { quorum: false }), undefined, { ...none, now: 600_000 }), "fail");
    const hopeless = judged(all, { quorum: false, isHopeless: true });
    assert.equal(decide(hopeless, undefined, { ...none, hopeless: 0, now: 4999 }), "wait");
    assert.equal(decide(hopeless, undefined, { ...none, hopeless: 0, now: 5000 }), "fail");
  });

  it("counts from the moment since when it has been so", () => {
    const first = since({}, judged([]), 10);
    assert.equal(since(first, judged(["pi2"]), 20).quorum, 10);
    assert.equal(since(first, judged([], { quorum: false }), 20).quorum, undefined);
  });
});

describe("a machine that the gate has seen", () => {
  it("is one of its last answer", () => {
    assert.equal(wasSeen(undefined, "pi1"), false);
    assert.equal(wasSeen({ ...agents, seen: ["pi1"] }, "pi1"), true);
    assert.equal(wasSeen({ ...agents, seen: ["pi1"] }, "pi2"), false);
  });
});

describe("whether a leader can be elected", () => {
  const servers = all.map((name) => ({ name, consulServer: true }));
  const expectation = { machines: [...servers, { name: "pi4", consulServer: false }] } as never;
  const can = (...missing: string[]) => canElect(expectation, judged(missing).findings);

  it("is decided by Consul's servers alone, of which the most must be there", () => {
    assert.equal(can(), true);
    assert.equal(can("pi1", "pi4"), true);
    assert.equal(can("pi1", "pi2"), false);
  });

  it("does not depend on servers that only lag", () => {
    const [finding] = judged(["pi1"]).findings;
    assert.equal(canElect(expectation, [{ ...finding, isSettling: true } as never, ...judged(["pi2"]).findings]), true);
  });
});

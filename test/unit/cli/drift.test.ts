import assert from "node:assert/strict";
import { correct } from "../../../cli/stack/drift.ts";
import { lostJobs } from "../../../cli/stack/elections.ts";
import type { JobIndexes } from "../../../cli/stack/nomad-indexes.ts";

const address = "http://127.0.0.1:4646";
const provider = { urn: "urn::nomad", type: "pulumi:providers:nomad", id: "p", inputs: { address } };
const job = (modifyIndex: string, more = {}) => ({
  ...{ urn: "urn::page", type: "nomad:index/job:Job", id: "page", provider: "urn::nomad::p" },
  outputs: { namespace: "default", modifyIndex, jobspec: "job", __pulumi_raw_state_delta: {} },
  ...more,
});
const stateOf = (...resources: object[]) => ({ deployment: { resources: resources as never } });
const known = (indexes: Record<string, number>) =>
  new Map<string, JobIndexes>([[address, new Map(Object.entries(indexes))]]);

function correctedOf(resource: object, indexes = new Map<string, JobIndexes>()) {
  const { state, drifted } = correct(stateOf(provider, resource), indexes);
  return { corrected: state.deployment.resources?.[1], drifted };
}

describe("what the state tells of jobs", () => {
  it("is left alone when Nomad has the same, or doesn't answer", () => {
    const failed = job("7", { initErrors: ["deployment failed"] });
    for (const resource of [job("7"), failed]) {
      assert.deepEqual(correctedOf(resource, known({ "default/page": 7 })), { corrected: resource, drifted: [] });
      assert.deepEqual(correctedOf(resource), { corrected: resource, drifted: [] });
    }
  });

  it("gets the index that Nomad has, and makes Pulumi register the job again", () => {
    const { corrected, drifted } = correctedOf(job("7"), known({ "default/page": 9, "other/page": 7 }));
    const reason = "the job page has changed in Nomad since the last update: up registers it again";
    assert.deepEqual(drifted, [{ kind: "job", reason }]);
    assert.deepEqual(corrected?.outputs, { namespace: "default", modifyIndex: "9", jobspec: "job" });
    assert.deepEqual(corrected?.initErrors, [reason]);
  });

  it("keeps what failed in the update before", () => {
    const { corrected } = correctedOf(job("7", { initErrors: ["failed"] }), known({ "default/page": 9 }));
    assert.equal(corrected?.initErrors?.length, 2);
    assert.equal(corrected?.initErrors?.[0], "failed");
  });

  it("makes Pulumi register a job that is gone from Nomad", () => {
    const { corrected, drifted } = correctedOf(job("7"), known({}));
    assert.match(drifted[0]?.reason ?? "", /the job page is gone from Nomad/);
    assert.equal(corrected?.outputs?.modifyIndex, "0");
  });
});

describe("what the state tells of keys", () => {
  const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:abc" };
  const key = { path: "a/b", value: secret, delete: true };
  const stored = { urn: "urn::a/b", type: "consul:index/keys:Keys", inputs: { keys: [key] }, outputs: { keys: [key] } };

  it("is left alone when they were written", () => {
    assert.deepEqual(correctedOf(stored), { corrected: stored, drifted: [] });
  });

  it("isn't believed after a failure, also where it is encrypted", () => {
    const outputs = { keys: secret, datacenter: "dc1", __pulumi_raw_state_delta: {} };
    const { corrected, drifted } = correctedOf({ ...stored, outputs, initErrors: ["failed to write"] });
    assert.deepEqual(drifted, [{ kind: "key", reason: "the key a/b may not have been written: up writes it again" }]);
    const keys = [{ ...key, value: "piinit: may not have been written" }];
    assert.deepEqual(corrected?.outputs, { keys, datacenter: "dc1" });
    assert.deepEqual(corrected?.inputs, { keys: [key] });
  });
});

describe("jobs that an update has lost sight of", () => {
  const waiting = (reason: string) =>
    `error waiting for job 'page' to schedule: error waiting for evaluation: ${reason}`;
  const stateWith = (...reasons: string[]) => stateOf(job("7", { initErrors: reasons }));
  const noLeader = waiting("Unexpected response code: 500 (No cluster leader)");

  it("are those that Nomad gave no answer about in this update", () => {
    for (const reason of [noLeader, waiting('Get "http://127.0.0.1:4646/v1/evaluation/e": EOF')])
      assert.equal(lostJobs(stateWith(), stateWith(reason)).length, 1, reason);
  });

  it("are not those that have failed, nor those of an update before", () => {
    const failed = waiting("deployment 'd' terminated with status 'failed': 'Failed due to progress deadline'");
    assert.deepEqual(lostJobs(stateWith(), stateWith(failed)), []);
    assert.deepEqual(lostJobs(stateWith(noLeader), stateWith(noLeader)), []);
  });
});

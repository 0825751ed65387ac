import assert from "node:assert/strict";
import { type Judgement, judge } from "../../../steps/jobs/judge.ts";
import { lookOf, recorded } from "./recorded.ts";

describe("a look at a job", () => {
  const says = (name: string, state: Judgement["state"], words: RegExp) =>
    it(`${name}: ${state}`, () => {
      const judgement = judge(lookOf(name));
      assert.equal(judgement.state, state, judgement.says);
      assert.match(judgement.says, words);
    });

  describe("of a service", () => {
    says("good", "healthy", /^is healthy: 1 of 1 running$/);
    says("two", "healthy", /^is healthy: 2 of 2 running$/);
    says("zero", "healthy", /^is registered with count = 0/);
    says("dc", "stuck", /^can't be placed$/);
    says("driver", "stuck", /^can't be placed$/);
    says("memory", "stuck", /^can't be placed$/);
    says("noprog", "failed", /^failed: Failed due to unhealthy allocations$/);
    says("exits", "failed", /^failed: Failed due to unhealthy allocations$/);
    says("missing late", "failed", /^failed: Failed due to progress deadline$/);
    says(
      "missing early",
      "waiting",
      /^1 of 1 placed, 0 running, 0 healthy; web on test: Task Setup: Building Task Directory$/,
    );

    it("is limited by the job's own progress deadline while a deployment runs, and else by ours", () => {
      assert.equal(judge(lookOf("missing early")).isLimited, true);
      assert.equal(judge(lookOf("nodep early")).isLimited, false);
    });

    it("without a deployment is healthy when Nomad says so, or when it has run for ten seconds", () => {
      assert.equal(judge(lookOf("nodep late")).state, "healthy");
      const early = (seconds: number) => {
        const look = lookOf("nodep early");
        return judge({ ...look, at: look.at + seconds * 1000 }).state;
      };
      assert.deepEqual([early(8), early(9)], ["waiting", "healthy"]);
    });

    it("isn't healthy any more when its deployment was, but a task doesn't run now", () => {
      const judgement = judge(
        lookOf("good", ({ allocations: [one] }) => {
          if (one) Object.assign(one, { ClientStatus: "pending" });
        }),
      );
      assert.deepEqual([judgement.state, judgement.isLimited], ["waiting", false]);
      assert.match(judgement.says, /^0 of 1 running/);
    });

    it("is stuck when Nomad won't replace what failed", () => {
      const ended = (change: object) =>
        judge(
          lookOf("nodep late", ({ allocations: [one] }) => {
            if (one) Object.assign(one, { ClientStatus: "failed", ...change });
          }),
        ).state;
      assert.deepEqual([ended({}), ended({ FollowupEvalID: "e" })], ["stuck", "waiting"]);
    });

    it("waits for what takes the place of a failed allocation", () => {
      const judgement = judge(
        lookOf("nodep late", ({ allocations }) => {
          const [one] = allocations;
          if (!one) return;
          allocations.push({ ...one, ID: "b", CreateIndex: one.CreateIndex + 1, ClientStatus: "pending" });
          Object.assign(one, { ClientStatus: "failed", NextAllocation: "b" });
        }),
      );
      assert.equal(judgement.state, "waiting");
    });

    it("with a failed deployment fails even while its task runs: its checks don't pass", () => {
      const judgement = judge(
        lookOf("missing late", ({ allocations: [one] }) => {
          if (one) Object.assign(one, { ClientStatus: "running" });
        }),
      );
      assert.equal(judgement.state, "failed");
    });

    it("waits for no person who has to promote its canaries", () => {
      const canaries = (HealthyAllocs: number) =>
        judge(
          lookOf("missing early", ({ deployments: [one] }) => {
            const group = { DesiredTotal: 1, PlacedAllocs: 1, HealthyAllocs, DesiredCanaries: 1, Promoted: false };
            const StatusDescription = "Deployment is running but requires manual promotion";
            if (one) Object.assign(one, { StatusDescription, TaskGroups: { main: group } });
          }),
        );
      assert.equal(canaries(0).state, "waiting");
      assert.equal(canaries(1).state, "healthy");
      assert.match(canaries(1).says, /nomad deployment promote [0-9a-f-]+$/);
    });
  });

  describe("of a system job", () => {
    says("sys", "waiting", /^1 of 1 placed, 1 running, 0 healthy/);
    says("sysdc", "stuck", /^can't be placed$/);
    says("sysdriver", "stuck", /^can't be placed$/);
    says("sysmem", "stuck", /^can't be placed$/);
    says("sysbatch", "healthy", /^is healthy: 1 of 1 running or done$/);

    it("may have a group that no node can run, as long as another one runs", () => {
      const look = lookOf("sys", ({ job, deployments, evaluations, allocations }) => {
        const [group] = job.TaskGroups;
        if (group) job.TaskGroups.push({ ...group, Name: "other" });
        for (const one of deployments) one.Status = "successful";
        for (const one of allocations) one.DeploymentStatus = { Healthy: true };
        const [why] = recorded.jobs.sysdriver?.evaluations ?? [];
        for (const one of evaluations) one.FailedTGAllocs = { other: why?.FailedTGAllocs.main ?? assert.fail() };
      });
      assert.match(judge(look).says, /^is healthy: main: 1 of 1 running, other: 0 of 0 running$/);
      const [full] = recorded.jobs.sysmem?.evaluations ?? [];
      for (const one of look.evaluations) one.FailedTGAllocs = { other: full?.FailedTGAllocs.main ?? assert.fail() };
      assert.equal(judge(look).state, "stuck");
    });
  });

  describe("of a batch job", () => {
    says("batch", "healthy", /^is healthy: 1 of 1 running or done$/);
    says("batchdc", "stuck", /^can't be placed$/);
    says("batchbad", "stuck", /^failed$/);
    says("periodic", "healthy", /^is registered, and starts at "\*\/15 \* \* \* \*" \(UTC\)$/);
    says("param", "healthy", /^is registered, and runs when it is dispatched$/);

    it("has run when Nomad has forgotten its allocations", () => {
      const judgement = judge({ ...lookOf("batchbad"), evaluations: [], allocations: [] });
      assert.deepEqual([judgement.state, judgement.says], ["healthy", "has run"]);
    });

    it("says that a periodic one is disabled", () => {
      const look = lookOf("periodic", ({ job: { Periodic } }) => {
        if (Periodic) Periodic.Enabled = false;
      });
      assert.match(judge(look).says, /disabled/);
    });
  });

  it("has nothing to say until the job is evaluated, whatever earlier evaluations said", () => {
    for (const name of ["good", "sysdc", "dc"]) {
      const look = lookOf(name, ({ job, deployments, allocations }) => {
        job.JobModifyIndex += 1000;
        deployments.length = 0;
        allocations.length = 0;
      });
      assert.deepEqual([judge(look).state, judge(look).says], ["waiting", "isn't placed yet"], name);
    }
  });

  it("tells a job that was stopped", () => {
    const look = lookOf("good", ({ job }) => Object.assign(job, { Stop: true }));
    assert.deepEqual([judge(look).state, judge(look).says], ["failed", "was stopped"]);
  });

  describe("that somebody has registered since", () => {
    const changed = (status: string) =>
      judge(
        lookOf("exits", ({ job, deployments: [one] }) => {
          Object.assign(job, { JobModifyIndex: job.JobModifyIndex + 50, Version: job.Version + 1 });
          const StatusDescription = "Failed due to unhealthy allocations - rolling back to job version 0";
          if (one) Object.assign(one, { Status: status, StatusDescription });
        }),
        recorded.jobs.exits?.job.JobModifyIndex,
      );

    it("tells why Nomad has set it back", () => {
      assert.match(changed("failed").says, /^failed: .* rolling back to job version 0$/);
      assert.equal(changed("failed").ill.length, 1);
    });

    it("tells that it isn't as it was registered here", () => {
      assert.equal(changed("cancelled").state, "failed");
      assert.match(changed("cancelled").says, /^has been changed in Nomad/);
    });
  });
});

import assert from "node:assert/strict";
import type { Node, Placement } from "../../../steps/jobs/answers.ts";
import { judge } from "../../../steps/jobs/judge.ts";
import { placementReasons } from "../../../steps/jobs/placement.ts";
import { failureMessage } from "../../../steps/jobs/report.ts";
import { lookOf, recorded } from "./recorded.ts";

describe("why a job can't be placed", () => {
  const reasonsOf = (name: string) => {
    const look = lookOf(name);
    return judge(look).unplaced.flatMap((one) => placementReasons(look.job, one, recorded.nodes));
  };
  const expected: Record<string, string> = {
    dc: "no node is in the datacenter CONTROL: yours are in dc1",
    sysdc: "no node is in the datacenter CONTROL: yours are in dc1",
    batchdc: "no node is in the datacenter CONTROL: yours are in dc1",
    driver: "the driver docker is missing on 1 of 1 nodes",
    sysdriver: "the driver docker is missing on 1 of 1 nodes",
    memory: "memory is exhausted on 1 of 1 nodes: it asks for 900000 MB",
    sysmem: "memory is exhausted on 1 of 1 nodes: it asks for 900000 MB",
    constraint: `the constraint $${"{attr.kernel.name}"} = windows excludes 1 of 1 nodes`,
    vol: "the host volume nope is missing on 1 of 1 nodes",
  };
  for (const [name, reason] of Object.entries(expected))
    it(`${name}: ${reason}`, () => assert.deepEqual(reasonsOf(name), [reason]));

  const { job } = lookOf("dc");
  const [group = assert.fail()] = job.TaskGroups;
  const ofNodes = (datacenters: string[], nodes: Partial<Node>[] | undefined, pool = "default") => {
    const [one = assert.fail()] = recorded.nodes;
    const whole = nodes?.map((node): Node => ({ ...one, ...node }));
    return placementReasons({ ...job, Datacenters: datacenters, NodePool: pool }, { group }, whole);
  };

  it("names the states of nodes that take no jobs", () => {
    const nodes = [
      { Name: "pi1", Status: "down" },
      { Name: "pi2", SchedulingEligibility: "ineligible" },
      { Name: "pi3", Datacenter: "elsewhere" },
    ];
    assert.deepEqual(ofNodes(["dc*"], nodes), ["no node takes jobs: pi1 is down, pi2 is ineligible"]);
  });

  it("names the datacenters and pools that there are", () => {
    const nodes = [{ Datacenter: "home" }, { Datacenter: "shed" }, { Datacenter: "home" }];
    assert.deepEqual(ofNodes(["dc1", "dc2"], nodes), [
      "no node is in the datacenter dc1 or dc2: yours are in home, shed",
    ]);
    assert.deepEqual(ofNodes(["home"], nodes, "gpu"), ["no node is in the node pool gpu: yours are in default"]);
    assert.deepEqual(ofNodes(["*"], []), ["Nomad has no nodes: no machine is a client"]);
  });

  it("claims nothing that it doesn't know", () => {
    assert.deepEqual(ofNodes(["*"], undefined), ["Nomad doesn't say why"]);
    assert.deepEqual(ofNodes(["*"], [{}]), ["Nomad doesn't say why"]);
  });

  const ofPlacement = (placement: Partial<Placement>) => {
    const none = { NodesEvaluated: 3, ConstraintFiltered: {}, NodesExhausted: 0, DimensionExhausted: {} };
    return placementReasons(job, { group, reasons: { ...none, ...placement } }, recorded.nodes);
  };

  it("counts nodes that are like one that was filtered", () => {
    const cpu = `$${"{attr.cpu.arch}"} = arm`;
    const alike = { "computed class ineligible": 2 };
    assert.deepEqual(ofPlacement({ ConstraintFiltered: { [cpu]: 1, ...alike } }), [
      `the constraint ${cpu} excludes 3 of 3 nodes`,
    ]);
    assert.deepEqual(ofPlacement({ ConstraintFiltered: { [cpu]: 1, "missing network": 1, ...alike } }).slice(1), [
      "missing network: 1 of 3 nodes",
      "2 of 3 nodes are like these",
    ]);
  });

  it("tells filters and resources together", () => {
    const DimensionExhausted = { cpu: 1, "network: reserved port collision http=80": 1 };
    assert.deepEqual(
      ofPlacement({ ConstraintFiltered: { distinct_hosts: 1 }, NodesExhausted: 2, DimensionExhausted }),
      [
        "distinct_hosts: one runs already on 1 of 3 nodes",
        "cpu is exhausted on 1 of 3 nodes: it asks for 10 MHz",
        "network: reserved port collision http=80 is exhausted on 1 of 3 nodes",
      ],
    );
    assert.deepEqual(ofPlacement({ NodesExhausted: 2 }), ["resources are exhausted on 2 of 3 nodes"]);
  });
});

describe("the message of a job that isn't healthy", () => {
  it("has Nomad's reasons, by task group if there are several", () => {
    const look = lookOf("driver", ({ job }) => {
      const [group] = job.TaskGroups;
      if (group) job.TaskGroups.push({ ...group, Name: "other" });
    });
    const { says, unplaced } = judge(look);
    assert.equal(
      failureMessage({ job: look.job, says, unplaced, tasks: [], nodes: recorded.nodes }),
      [
        "the job driver can't be placed",
        "  main: the driver docker is missing on 1 of 1 nodes",
        "It stays registered: Nomad places it as soon as it can. Mend its file or the machines, then run up again.",
      ].join("\n"),
    );
  });

  it("has the task's last events and what it printed", () => {
    const look = lookOf("exits");
    const { says, ill } = judge(look);
    const [allocation = assert.fail()] = ill;
    const state = allocation.TaskStates?.web ?? assert.fail();
    const printed = { stderr: ["bad thing"], stdout: ["line 11", "line 12"] };
    const message = failureMessage({
      job: look.job,
      says,
      unplaced: [],
      tasks: [{ allocation, name: "web", state, printed }],
    });
    assert.equal(
      message,
      `the job exits failed: Failed due to unhealthy allocations
  task web on test (allocation ${allocation.ID.slice(0, 8)}, restarted 1 time):
    Terminated: Exit Code: 1
    Restarting: Task restarting in 1.222907091s
    Started: Task started by client
    Terminated: Exit Code: 1
    Not Restarting: Exceeded allowed attempts 1 in interval 30m0s and mode is "fail"
    the last lines of its standard error:
      bad thing
    the last lines of its standard output:
      line 11
      line 12
Mend its file, then run up again. If the file is right, stop the job before that: Nomad won't try the same again.`,
    );
  });
});

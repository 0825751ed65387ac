import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Agents, startAgents } from "../agents.ts";
import { createProject, type Project, type StateResource } from "../project.ts";
import { service } from "./service.ts";

const jobspec = service("sleeper");

const secretMark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** The outputs that the official plugin has beside the inputs, and ours doesn't fill in. */
const officialJobOutputs = {
  constraints: [],
  createIndex: 11,
  periodicConfigs: [],
  readAllocationIds: false,
  submitTime: "1764100000000000000",
  updateStrategies: [],
};

/** What Pulumi's own bridge notes beside outputs of such a shape; it can't be applied to those of another. */
const rawStateDelta = { obj: { ps: { hcl2: { arr: {} }, taskGroups: { arr: {} } } } };

/** A resource as an official plugin would have stored it, from what ours has stored. */
function asOfficial(resource: StateResource): StateResource {
  const { type, inputs = {}, outputs = {} } = resource;
  if (type === "consul:index/keys:Keys") {
    const [key] = inputs.keys as object[];
    const keys = [{ default: "", flags: 0, name: "", ...key }];
    return {
      ...resource,
      inputs: { ...inputs, keys: [{ __defaults: [], ...key }], __defaults: [] },
      outputs: { ...outputs, keys, __pulumi_raw_state_delta: { obj: { ps: { keys: { set: {} } } } } },
    };
  }
  if (type === "nomad:index/job:Job") {
    const hcl2 = { __defaults: ["allowFs"], ...(inputs.hcl2 as object) };
    return {
      ...resource,
      inputs: { ...inputs, hcl2, __defaults: ["deregisterOnDestroy", "deregisterOnIdChange", "preserveCounts"] },
      outputs: { ...outputs, ...officialJobOutputs, __pulumi_raw_state_delta: rawStateDelta },
    };
  }
  return resource;
}

describe("a state that the stand-ins and the official plugins hand to one another", function () {
  this.timeout(180_000);
  let agents: Agents;
  let project: Project;

  before(async () => {
    agents = await startAgents();
    project = await createProject();
    await writeFile(path.join(project.dir, "job.hcl"), jobspec);
    await project.program(`
      import { readFileSync } from "node:fs";
      import { local } from "@pulumi/command";
      import * as consul from "@pulumi/consul";
      import * as nomad from "@pulumi/nomad";
      import * as pulumi from "@pulumi/pulumi";
      new local.Command("command", { create: "echo created", delete: "true" });
      const consulProvider = new consul.Provider("consul", { address: "${new URL(agents.consul.url).host}" });
      new consul.Keys("keys", { datacenter: "dc1", keys: [{ path: "a", value: pulumi.secret("opensesame"), delete: true }] },
        { provider: consulProvider });
      const nomadProvider = new nomad.Provider("nomad", { address: "${agents.nomad.url}" });
      const hcl2 = { vars: { word: pulumi.secret("opensesame") } };
      new nomad.Job("job", { jobspec: readFileSync("job.hcl", "utf8"), hcl2, purgeOnDestroy: true },
        { provider: nomadProvider, additionalSecretOutputs: ["taskGroups"] });
    `);
  });
  after(async () => {
    await project?.remove();
    await agents?.stop();
  });

  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output } = await project.pulumi(...args, "--yes", "--skip-preview");
    assert.equal(exitCode, 0, output);
    assert.doesNotMatch(output, /opensesame/);
    return output;
  }

  const find = async (type: string) => {
    const found = (await project.resources()).find((resource) => resource.type === type);
    return found ?? assert.fail(`the state has no ${type}`);
  };

  async function rewrite(change: (resource: StateResource) => StateResource): Promise<void> {
    const state = JSON.parse(await project.state()) as { deployment: { resources: StateResource[] } };
    state.deployment.resources = state.deployment.resources.map(change);
    await writeFile(path.join(project.dir, "state.json"), JSON.stringify(state));
    const { exitCode, output } = await project.pulumi(
      "stack",
      "import",
      "--file",
      path.join(project.dir, "state.json"),
    );
    assert.equal(exitCode, 0, output);
  }

  it("has what the official plugins would store, when a stand-in wrote it", async () => {
    await succeeds("up");
    const job = await find("nomad:index/job:Job");
    const { hcl2, ...inputs } = job.inputs ?? {};
    const given = { purgeOnDestroy: true, jobspec };
    const filledIn = {
      deregisterOnDestroy: true,
      deregisterOnIdChange: true,
      preserveCounts: false,
      rerunIfDead: false,
    };
    assert.deepEqual(inputs, { ...given, ...filledIn, detach: true });
    assert.equal((hcl2 as { allowFs: boolean }).allowFs, false);
    for (const name of ["constraints", "periodicConfigs", "updateStrategies", "readAllocationIds", "taskGroups"])
      assert.ok(name in (job.outputs ?? {}), name);
    const keys = await find("consul:index/keys:Keys");
    const [key = {}] = Object(keys.inputs).keys as object[];
    assert.deepEqual(Object.keys(key).sort(), ["delete", "path", "value"]);
    assert.deepEqual((await find("command:local:Command")).inputs, { create: "echo created", delete: "true" });
  });

  it("keeps a job's secret variables encrypted, where the program asks for it also in what Nomad answers", async () => {
    const { outputs } = await find("nomad:index/job:Job");
    assert.equal(Object(outputs?.taskGroups)[Object.keys(secretMark)[0] ?? ""], Object.values(secretMark)[0]);
    assert.doesNotMatch(await project.state(), /opensesame/);
  });

  it("is unchanged for a stand-in when the official plugins wrote it", async () => {
    await rewrite(asOfficial);
    assert.match(await succeeds("up"), /6 unchanged/);
    assert.ok("__pulumi_raw_state_delta" in ((await find("nomad:index/job:Job")).outputs ?? {}));
  });

  it("loses the official plugins' note of their outputs when a stand-in refreshes it, and is still unchanged", async () => {
    await succeeds("refresh");
    assert.doesNotMatch(await project.state(), /__pulumi_raw_state_delta/);
    assert.match(await succeeds("up"), /6 unchanged/);
    assert.doesNotMatch(await project.state(), /opensesame/);
  });

  it("can be taken down by a stand-in when the official plugins wrote it", async () => {
    await rewrite(asOfficial);
    await succeeds("destroy");
    assert.deepEqual(await (await fetch(`${agents.nomad.url}/v1/jobs`)).json(), []);
    assert.equal((await fetch(`${agents.consul.url}/v1/kv/a`)).status, 404);
  });
});

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Agents, askJson, startAgents, until } from "../agents.ts";
import { freePort } from "../ports.ts";
import { createProject, type Project } from "../project.ts";
import { service } from "./service.ts";

interface JobInNomad {
  ID: string;
  Status: string;
  Version: number;
  JobModifyIndex: number;
  TaskGroups: { Count: number }[];
}

/** HCL would take the end for an expression. */
const word = `a "quoted" $` + "{word}";

describe("the stand-in for nomad, under the real engine with a real Nomad", function () {
  this.timeout(120_000);
  let agents: Agents;
  let project: Project;

  before(async () => {
    agents = await startAgents();
    project = await createProject();
  });
  after(async () => {
    await project?.remove();
    await agents?.stop();
  });

  /** A program with jobs: name → job file, each given the variable that it needs. */
  async function jobs(files: Record<string, string>, args = "", url = agents.nomad.url): Promise<void> {
    await writeFile(path.join(project.dir, "jobs.json"), JSON.stringify(files));
    await project.program(`
      import { readFileSync } from "node:fs";
      import * as pulumi from "@pulumi/pulumi";
      import * as nomad from "@pulumi/nomad";
      const provider = new nomad.Provider("nomad", { address: "${url}" });
      for (const [name, jobspec] of Object.entries<string>(JSON.parse(readFileSync("jobs.json", "utf8")))) {
        const hcl2 = { vars: { word: pulumi.secret(${JSON.stringify(word)}) } };
        const options = { provider, additionalSecretOutputs: ["taskGroups"] };
        new nomad.Job(name, { jobspec, hcl2, purgeOnDestroy: true, ${args} }, options);
      }
    `);
  }

  const find = async (id: string) =>
    (await askJson<JobInNomad[]>(`${agents.nomad.url}/v1/jobs`)).some((job) => job.ID === id)
      ? askJson<JobInNomad>(`${agents.nomad.url}/v1/job/${id}`)
      : undefined;

  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output } = await project.pulumi(...args, "--yes", "--skip-preview");
    assert.equal(exitCode, 0, output);
    return output;
  }

  async function upFails(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    return output;
  }

  async function resource(name: string) {
    return (await project.resources()).find(({ urn }) => urn.endsWith(`::${name}`));
  }

  it("registers a job, and waits for nothing", async () => {
    await jobs({ sleeper: service("sleeper") });
    const output = await succeeds("up");
    const job = await resource("sleeper");
    assert.equal(job?.id, "sleeper");
    assert.equal(job?.outputs?.modifyIndex, String((await find("sleeper"))?.JobModifyIndex));
    assert.equal(job?.outputs?.type, "service");
    assert.doesNotMatch(output + (await project.state()), /quoted/);
    const { TaskGroups } = await askJson<{ TaskGroups: { Tasks: { Meta: object }[] }[] }>(
      `${agents.nomad.url}/v1/job/sleeper`,
    );
    assert.deepEqual(TaskGroups[0]?.Tasks[0]?.Meta, { word });
  });

  it("sees no change in an equal file, nor in one that differs in white space and comments only", async () => {
    assert.match(await succeeds("up"), /3 unchanged/);
    await jobs({ sleeper: `# A comment.\n\n${service("sleeper").replaceAll("  ", "    ")}` });
    assert.match(await succeeds("up"), /3 unchanged/);
    assert.equal((await find("sleeper"))?.Version, 0);
  });

  it("changes a count in place", async () => {
    await jobs({ sleeper: service("sleeper", { count: 2 }) });
    assert.match(await succeeds("up"), /1 updated/);
    const job = await find("sleeper");
    assert.equal(job?.TaskGroups[0]?.Count, 2);
    assert.equal(job?.Version, 1);
  });

  it("registers a periodic job, and removes it", async () => {
    const periodic = service("clock")
      .replace(
        'job "clock" {',
        'job "clock" {\n type = "batch"\n periodic {\n crons = ["0 0 1 1 *"]\n prohibit_overlap = true\n }',
      )
      .replace(/ {4}update \{[^}]*\}\n/, "");
    await jobs({ sleeper: service("sleeper", { count: 2 }), clock: periodic });
    await succeeds("up");
    assert.equal((await find("clock"))?.Status, "running");
    await jobs({ sleeper: service("sleeper", { count: 2 }) });
    await succeeds("up");
    assert.equal(await find("clock"), undefined);
  });

  it("shows Nomad's message and line for a syntax error, and harms nothing else", async () => {
    const wrong = service("sleeper").replace("count = 1", "count = = 1");
    await jobs({ sleeper: wrong });
    const output = await upFails();
    assert.match(output, /error parsing jobspec: :7,\d+-\d+: Invalid expression/);
    assert.equal((await find("sleeper"))?.Version, 1);
    await jobs({ sleeper: service("sleeper", { count: 2 }), broken: wrong });
    assert.match(await upFails(), /Invalid expression/);
    assert.equal(await resource("broken"), undefined);
    assert.match((await project.pulumi("preview")).output, /Invalid expression/);
  });

  it("has no opinion on a job that never gets healthy, and registers the mended one", async () => {
    await jobs({ sleeper: service("sleeper", { count: 2 }), ill: service("ill", { program: "/no/such/program" }) });
    await succeeds("up");
    await until("it has failed", async () => (await find("ill"))?.Status === "dead");
    assert.match(await succeeds("up"), /4 unchanged/);
    await jobs({ sleeper: service("sleeper", { count: 2 }), ill: service("ill") });
    assert.match(await succeeds("up"), /1 updated/);
  });

  it("replaces a job whose name changes", async () => {
    await jobs({ sleeper: service("sleeper", { count: 2 }), ill: service("well") });
    assert.match(await succeeds("up"), /1 replaced/);
    assert.equal(await find("ill"), undefined);
    assert.equal((await find("well"))?.ID, "well");
  });

  it("sees on refresh that a job is gone", async () => {
    await fetch(`${agents.nomad.url}/v1/job/well?purge=true`, { method: "DELETE" });
    await succeeds("refresh");
    assert.equal(await resource("ill"), undefined);
    assert.equal((await resource("sleeper"))?.id, "sleeper");
  });

  it("refuses what it doesn't do, by name", async () => {
    await jobs({ sleeper: service("sleeper", { count: 2 }) }, "json: true");
    assert.match(await upFails(), /the offline stand-in for nomad\.Job does not do `json: true`/);
    await jobs({ sleeper: service("sleeper", { count: 2 }) }, "detach: false");
    assert.match(await upFails(), /the offline stand-in for nomad\.Job does not do `detach: false`/);
  });

  it("refuses a variable that the job file doesn't declare, in the preview too", async () => {
    await jobs({ sleeper: service("sleeper", { count: 2 }).replace('variable "word"', 'variable "world"') });
    assert.match(await upFails(), /Undefined -var variable; A "word" variable/);
    assert.match((await project.pulumi("preview")).output, /Undefined -var variable/);
  });

  it("takes a list for a variable that is declared as one", async () => {
    const places = 'variable "places" {\n type = list(string)\n}\n';
    const listed = places + service("listed").replace('job "listed" {', 'job "listed" {\n datacenters = var.places');
    await jobs({ sleeper: service("sleeper", { count: 2 }), listed });
    const source = await project.source();
    await project.program(source.replace("vars: {", `vars: { ...(name === "listed" && { places: '["dc1", "dc2"]' }),`));
    await succeeds("up");
    const { Datacenters } = await askJson<{ Datacenters: string[] }>(`${agents.nomad.url}/v1/job/listed`);
    assert.deepEqual(Datacenters, ["dc1", "dc2"]);
    await jobs({ sleeper: service("sleeper", { count: 2 }) });
    await succeeds("up");
  });

  it("refuses another file for a job that isn't as the state knows it, as long as nothing refreshes the state", async () => {
    const scaled = { Count: 1, Target: { Group: "main" }, Message: "by hand" };
    const request = { method: "POST", body: JSON.stringify(scaled) };
    assert.equal((await fetch(`${agents.nomad.url}/v1/job/sleeper/scale`, request)).status, 200);
    await jobs({ sleeper: `# Only a comment.\n${service("sleeper", { count: 2 })}` });
    assert.match(await succeeds("up"), /3 unchanged/);
    await jobs({ sleeper: service("sleeper", { count: 3 }) });
    assert.match(await upFails(), /diffing urn:\S+::sleeper: job modify index has changed since last refresh/);
    assert.match((await project.pulumi("preview")).output, /job modify index has changed since last refresh/);
    await succeeds("refresh");
    await succeeds("up");
    assert.equal((await find("sleeper"))?.TaskGroups[0]?.Count, 3);
  });

  it("previews without Nomad, and says on up that nobody answers", async () => {
    const port = await freePort();
    await jobs({ other: service("other") }, "", `http://127.0.0.1:${port}`);
    const source = 'new nomad.Provider("other"';
    await project.program((await project.source()).replace('new nomad.Provider("nomad"', source));
    const preview = await project.pulumi("preview");
    assert.equal(preview.exitCode, 0, preview.output);
    assert.match(await upFails(), /error applying jobspec: Post "[^"]+": dial tcp \S+: connect: connection refused/);
    assert.equal((await resource("sleeper"))?.id, "sleeper");
  });

  it("purges on destroy", async () => {
    await succeeds("destroy");
    assert.equal(await find("sleeper"), undefined);
  });
});

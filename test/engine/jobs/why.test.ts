import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import { type Agents, processesBelow, startAgents, until } from "../agents.ts";
import { openAccess } from "../open-access.ts";
import { createProject, type Project } from "../project.ts";
import { job } from "./job.ts";
import { startProxy } from "./proxy.ts";

describe("up, while it waits for jobs", function () {
  this.timeout(180_000);
  let agents: Agents;
  let project: Project;

  before(async () => {
    agents = await startAgents();
    project = await createProject();
    await symlink(path.join(projectDir, "steps"), path.join(project.dir, "steps"));
    await project.program(`
      import { readFileSync } from "node:fs";
      import * as pulumi from "@pulumi/pulumi";
      import { NomadJobs } from ${JSON.stringify(path.join(projectDir, "components/jobs.ts"))};
      const { nomadUrl, servers, files } = JSON.parse(readFileSync("wanted.json", "utf8"));
      const jobs = Object.fromEntries(files.map(([name, jobspec]: string[]) => [name, { key: name, jobspec, vars: {} }]));
      new NomadJobs("jobs", { nomadUrl, access: ${openAccess}, servers, jobs, isDisposable: false });
    `);
  });
  after(async () => {
    await project?.remove();
    await agents?.stop();
  });

  /** Jobs by their names, each with its file; `servers` are asked about them. */
  async function want(files: Record<string, string>, servers = [agents.nomad.url]): Promise<void> {
    const wanted = { nomadUrl: agents.nomad.url, servers, files: Object.entries(files) };
    await writeFile(path.join(project.dir, "wanted.json"), JSON.stringify(wanted));
  }

  async function up(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.equal(exitCode, 0, output);
    return output;
  }

  async function upFails(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/, "a stack trace");
    return output;
  }

  const waits = async () => (await project.resources()).flatMap(({ urn }) => urn.split("::job-")[1] ?? []).sort();
  const printing = 'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $n"; done; echo "no such disk" >&2; exit 3';

  it("says why jobs of every kind can't be placed, and what tasks that failed have said", async () => {
    await want({
      dc: job("dc", { datacenter: "CONTROL" }),
      driver: job("driver", { driver: "docker" }),
      memory: job("memory", { memory: 900_000 }),
      system: job("system", { type: "system", datacenter: "CONTROL" }),
      batch: job("batch", { type: "batch", driver: "docker" }),
      absent: job("absent", { command: ["/no/such/program"] }),
      exits: job("exits", { command: ["/bin/sh", "-c", printing], healthy: "1s" }),
    });
    const output = await upFails();
    for (const [name, reason] of Object.entries({
      dc: /can't be placed\n\s+no node is in the datacenter CONTROL: yours are in dc1\n/,
      driver: /can't be placed\n\s+the driver docker is missing on 1 of 1 nodes\n/,
      memory: /can't be placed\n\s+memory is exhausted on 1 of 1 nodes: it asks for 900000 MB\n/,
      system: /can't be placed\n\s+no node is in the datacenter CONTROL: yours are in dc1\n/,
      batch: /can't be placed\n\s+the driver docker is missing on 1 of 1 nodes\n/,
      absent:
        /failed: Failed due to unhealthy allocations\n[\s\S]*Driver Failure: .*"\/no\/such\/program" could not be found/,
      exits:
        /failed: Failed due to unhealthy allocations\n[\s\S]*Exit Code: 3\n[\s\S]*standard error:\n\s+no such disk\n[\s\S]*standard output:\n\s+line 3\n[\s\S]*line 12\n/,
    }))
      assert.match(output, new RegExp(`the job ${name} ${reason.source}`));
    assert.deepEqual(await waits(), []);
  });

  it("says the same again as long as nothing changes, and takes the mended file", async () => {
    await want({ exits: job("exits", { command: ["/bin/sh", "-c", printing], healthy: "1s" }) });
    assert.match(await upFails(), /the job exits failed: [\s\S]*no such disk/);
    await want({ exits: job("exits") });
    assert.match(await up(), /exits is healthy: 1 of 1 running/);
    assert.deepEqual(await waits(), ["exits"]);
  });

  it("shows how a job gets on, and waits again only for one that was registered anew", async () => {
    const file = job("two", { count: 2, healthy: "3s" });
    await want({ exits: job("exits"), two: file });
    const output = await up();
    assert.match(output, /two: 2 of 2 placed, 2 running, 0 healthy/);
    assert.match(output, /two is healthy: 2 of 2 running/);
    assert.match(await up(), /unchanged/);
    await want({ exits: job("exits"), two: `# A comment.\n${file}` });
    assert.doesNotMatch(await up(), /updated|created/);
    await want({ exits: job("exits"), two: job("two", { count: 3 }) });
    assert.match(await up(), /job-two updated [\s\S]*two is healthy: 3 of 3 running/);
  });

  it("is done at once with a job that is healthy already", async () => {
    const step = (await project.resources()).find(({ urn }) => urn.endsWith("::job-two"));
    await project.pulumi("state", "delete", step?.urn ?? assert.fail(), "--yes");
    const output = await up();
    assert.match(output, /job-two created/);
    assert.doesNotMatch(output, /two: /);
  });

  it("waits as long as the job's own progress deadline says", async () => {
    await want({
      late: job("late", { template: "no/such", reschedules: true, healthyDeadline: "3s", deadline: "6s" }),
    });
    const output = await upFails();
    assert.match(
      output,
      /the job late failed: Failed due to progress deadline\n[\s\S]*Template: Missing: kv\.block\(no\/such\)/,
    );
  });

  it("leaves nothing pending after ^C, and goes on the next time", async () => {
    await want({ patient: job("patient", { template: "app/word", healthyDeadline: "4m", deadline: "5m" }) });
    const running = project.start("up", "--yes", "--skip-preview");
    await until("the job is waited for", async () => running.printed().includes("Missing: kv.block(app/word)"));
    running.kill("SIGINT");
    const { output } = await running.ended;
    assert.match(output, /interrupted while waiting for the job patient, which goes on in Nomad/);
    assert.deepEqual(await processesBelow(project.dir), []);
    assert.doesNotMatch(await project.state(), /pending_operations/);
    await fetch(`${agents.consul.url}/v1/kv/app/word`, { method: "PUT", body: "hello" });
    assert.match(await up(), /patient is healthy: 1 of 1 running/);
  });

  it("waits for Nomad's next leader, and for the servers that are left", async () => {
    const proxy = await startProxy(agents.nomad.url, /^\/v1\/job\/.*\/deployments/, 3000);
    try {
      await want({ patient: job("patient", { healthy: "2s" }) }, ["http://127.0.0.1:9", proxy.url]);
      const output = await up();
      assert.match(output, /waiting for Nomad: no answer from Nomad at [\s\S]*it says 500 No cluster leader/);
      assert.match(output, /patient is healthy: 1 of 1 running/);
    } finally {
      proxy.stop();
    }
  });

  it("tells that a job is gone", async () => {
    await want({ patient: job("patient", { template: "no/such", healthyDeadline: "4m", deadline: "5m" }) });
    const running = project.start("up", "--yes", "--skip-preview");
    await until("the job is waited for", async () => running.printed().includes("Missing: kv.block(no/such)"));
    await fetch(`${agents.nomad.url}/v1/job/patient?purge=true`, { method: "DELETE" });
    assert.match((await running.ended).output, /the job patient (is gone from Nomad|was stopped)/);
  });
});

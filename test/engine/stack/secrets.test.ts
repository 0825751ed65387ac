import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Agents, askJson, startAgents } from "../agents.ts";
import { createKeysAndJobs, homeWith, idleJob, type KeysAndJobs } from "./program.ts";

describe("secrets of a stack, under the real engine with real agents", function () {
  this.timeout(600_000);
  let agents: Agents;
  let project: KeysAndJobs;
  /** All that was printed. */
  let printed = "";

  before(async () => {
    agents = await startAgents();
    project = await createKeysAndJobs(agents.consul.url, agents.nomad.url);
    await writeFile(path.join(project.dir, "web.hcl"), idleJob("web"));
    await writeFile(path.join(project.dir, "number.hcl"), idleJob("number", "number"));
  });
  after(async () => {
    await project?.remove();
    await agents?.stop();
  });

  const run = async (...args: string[]) => {
    const outcome = await project.pulumi(...args);
    printed += outcome.output;
    return outcome;
  };
  const settings = (file: string) =>
    project.settings(
      homeWith({ jobs: { web: { file: path.join(project.dir, file), vars: {} } }, kv: { open: "open value" } }),
    );
  /** What the engine, the stack's file and the program's folder have in their files, links not followed. */
  async function written(): Promise<string> {
    const files = await readdir(project.dir, { recursive: true, withFileTypes: true });
    const texts = files
      .filter((file) => file.isFile() && !file.parentPath.includes("/bin") && !file.parentPath.includes("plugins"))
      .map((file) => readFile(path.join(file.parentPath, file.name), "utf8"));
    return (await Promise.all(texts)).join("\n");
  }

  it("reach Consul and Nomad, and are in no output, state, history or other file", async () => {
    await settings("web.hcl");
    for (const round of ["first", "second"]) {
      await project.secret('kv["app/password"]', `${round}-key-secret`);
      await project.secret("jobs.web.vars.word", `${round}-job-secret`);
      await run("preview", "--diff");
      const { exitCode, output } = await run("up", "--yes", "--diff");
      assert.equal(exitCode, 0, output);
      assert.equal(await (await fetch(`${agents.consul.url}/v1/kv/app/password?raw`)).text(), `${round}-key-secret`);
      const { Meta } = await askJson<{ Meta: { word: string } }>(`${agents.nomad.url}/v1/job/web`);
      assert.equal(Meta.word, `"${round}-job-secret"`);
    }
    await run("stack", "output", "--json");
    await run("refresh", "--yes");
    const files = await written();
    assert.match(printed, /app\/password/);
    assert.match(files, /app\/password/);
    for (const text of [printed, files]) assert.doesNotMatch(text, /(first|second)-(key|job)-secret/);
  });

  it("are in no message about a value that can't be", async () => {
    await settings("number.hcl");
    await project.secret("jobs.web.vars.word", "no-number-secret");
    const { exitCode, output } = await run("up", "--yes", "--skip-preview");
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /number/);
    assert.doesNotMatch(output, /no-number-secret/);
  });

  it("are in no message of the program about settings that can't be", async () => {
    await settings("web.hcl");
    await project.secret("wait", "never-secret");
    await project.secret("machines[0].mac", "mac-secret");
    const { exitCode, output } = await run("up", "--yes", "--skip-preview");
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /piinit:wait {2}must be a duration/);
    assert.match(output, /piinit:machines\[0\]\.mac {2}must be a MAC address/);
    assert.doesNotMatch(output, /never-secret|mac-secret/);
  });
});

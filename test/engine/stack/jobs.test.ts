import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Agents, askJson, startAgents } from "../agents.ts";
import { createKeysAndJobs, homeWith, idleJob, type KeysAndJobs } from "./program.ts";

describe("jobs and keys of a stack, under the real engine with real agents", function () {
  this.timeout(600_000);
  let agents: Agents;
  let project: KeysAndJobs;

  before(async () => {
    agents = await startAgents();
    project = await createKeysAndJobs(agents.consul.url, agents.nomad.url);
  });
  after(async () => {
    await project?.remove();
    await agents?.stop();
  });

  const inNomad = async () =>
    (await askJson<{ ID: string }[]>(`${agents.nomad.url}/v1/jobs`)).map(({ ID }) => ID).sort();
  const keys = () => askJson<string[]>(`${agents.consul.url}/v1/kv/?keys`).catch(() => []);
  const metaOf = async (job: string) =>
    (await askJson<{ Meta: { word: string } }>(`${agents.nomad.url}/v1/job/${job}`)).Meta.word;

  /** Jobs by their keys, each with the file that it names. */
  async function jobs(entries: Record<string, { file: string; vars?: object }>, more: object = {}): Promise<void> {
    const absolute = Object.entries(entries).map(([key, { file, vars = { word: "hello" } }]) => [
      key,
      { file: path.join(project.dir, file), vars },
    ]);
    await project.settings(homeWith({ jobs: Object.fromEntries(absolute), ...more }));
  }
  const write = (file: string, text: string | Buffer) => writeFile(path.join(project.dir, file), text);

  async function up(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.equal(exitCode, 0, output);
    return output;
  }
  async function refusal(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/, "a stack trace");
    return output;
  }

  it("have the job's own name: another key in the settings changes nothing", async () => {
    await write("web.hcl", idleJob("web"));
    await jobs({ page: { file: "web.hcl" } }, { kv: { a: "1" } });
    await up();
    assert.deepEqual(await inNomad(), ["web"]);
    await jobs({ site: { file: "web.hcl" } }, { kv: { a: "1" } });
    assert.match(await up(), /8 unchanged/);
    assert.deepEqual(await inNomad(), ["web"]);
  });

  it("are taken over from a stack that knew them by their keys", async () => {
    await write("web.hcl", idleJob("web"));
    await jobs({ page: { file: "web.hcl" } });
    const program = await project.source();
    const byKeys = "Object.fromEntries(Object.values(readJobs(settings.jobs)).map((job) => [job.key, job]))";
    assert.ok(program.includes("readJobs(settings.jobs)"));
    await project.settings(homeWith({}));
    await up();
    await jobs({ page: { file: "web.hcl" } });
    await project.program(program.replace("readJobs(settings.jobs)", byKeys));
    await up();
    assert.match(await project.state(), /::page"/);
    await project.program(program);
    await up();
    assert.deepEqual(await inNomad(), ["web"]);
    assert.doesNotMatch(await project.state(), /::page"/);
    assert.match(await project.state(), /::web"/);
  });

  it("are replaced when the file gives the job another name", async () => {
    await write("web.hcl", idleJob("shop"));
    await up();
    assert.deepEqual(await inNomad(), ["shop"]);
  });

  it("take lists and maps as variables, by YAML", async () => {
    await write("list.hcl", idleJob("list", "list(string)"));
    await jobs({ list: { file: "list.hcl", vars: { word: ["a", "$" + "{b}"] } } });
    await up();
    assert.equal(await metaOf("list"), '["a","$' + '{b}"]');
    assert.deepEqual(await inNomad(), ["list"]);
  });

  it("are refused with the reason when the file can't be a job's, all at once", async () => {
    await mkdir(path.join(project.dir, "folder"), { recursive: true });
    await write("empty.hcl", "");
    await write("binary.hcl", Buffer.from([0xff, 0xfe, 0x00, 0x01]));
    await write("large.hcl", `# ${"x".repeat(10_000_000)}`);
    await write("reads.hcl", idleJob("reads").replace("/bin/true", `$${"{"}file("x.env")}`));
    await write("twin.hcl", idleJob("list"));
    await jobs({
      list: { file: "list.hcl", vars: {} },
      twin: { file: "twin.hcl" },
      folder: { file: "folder" },
      empty: { file: "empty.hcl" },
      binary: { file: "binary.hcl" },
      large: { file: "large.hcl" },
      reads: { file: "reads.hcl" },
      gone: { file: "gone.hcl" },
      below: { file: "empty.hcl/job.hcl" },
    });
    const before = await inNomad();
    const output = await refusal();
    for (const line of [
      /piinit:jobs\.twin\.file {2}\S+twin\.hcl must have a job of its own: jobs\.list has/,
      /piinit:jobs\.folder\.file {2}\S+folder must be a job's file/,
      /piinit:jobs\.empty\.file {2}\S+empty\.hcl must have a job in it/,
      /piinit:jobs\.binary\.file {2}\S+binary\.hcl must be a text/,
      /piinit:jobs\.large\.file {2}\S+large\.hcl must not be larger than/,
      /piinit:jobs\.reads\.file {2}\S+reads\.hcl must not call file\(\)/,
      /piinit:jobs\.gone\.file {2}\S+gone\.hcl must be a file/,
      /piinit:jobs\.below\.file {2}\S+job\.hcl must be a file/,
    ])
      assert.match(output, line);
    assert.deepEqual(await inNomad(), before);
  });

  it("go with their providers when the last one is taken out", async () => {
    await project.settings(homeWith({}));
    await up();
    assert.deepEqual(await inNomad(), []);
    assert.deepEqual(await keys(), []);
    assert.doesNotMatch(await project.state(), /pulumi:providers:(nomad|consul)/);
    assert.match(await up(), /unchanged/);
  });

  it("are not asked for in a stack without Nomad, which finishes", async () => {
    await project.settings(homeWith({ kv: { a: "1" } }, { consul: "server" }));
    const output = await up();
    assert.deepEqual(await keys(), ["a"]);
    assert.doesNotMatch(output, /nomad/);
  });

  it("come back with Nomad, and go before it does", async () => {
    await write("web.hcl", idleJob("web"));
    await jobs({ page: { file: "web.hcl" } });
    await up();
    assert.deepEqual(await inNomad(), ["web"]);
    await project.settings(homeWith({}, { consul: "server" }));
    await up();
    assert.deepEqual(await inNomad(), []);
  });
});

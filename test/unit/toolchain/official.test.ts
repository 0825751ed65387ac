import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { silent } from "../../../lib/progress.ts";
import { lookDuring, lookForOfficial } from "../../../toolchain/official.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { preparePulumi } from "../../../toolchain/pulumi.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { pluginVersions, versions } from "../../../toolchain/versions.ts";
import { type Manner, type Publisher, publishTool, script, startPublisher, writeProgram } from "./publisher.ts";
import { cli, fakeGo, official } from "./pulumi-cli.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

const { os, architecture } = hostPlatform();
const probed = `pulumi-resource-command-v${pluginVersions.command}-${os}-${architecture}.tar.gz`;

describe("official programs that can be had later", function () {
  this.timeout(30_000);
  let scratch: Scratch;
  let publisher: Publisher;
  let sources: string;
  let environment: Record<string, string>;
  let first: Awaited<ReturnType<typeof prepare>>;

  const urls = () => ({ publisher, pluginUrl: publisher.baseUrl });
  const prepare = () => preparePulumi(silent, { ...urls(), environment, standInSources: sources });
  const consul = () => getTool("consul", { progress: silent, publisher, environment });
  const cache = (...parts: string[]) => path.join(scratch.dir, "XDG_CACHE_HOME", "piinit", ...parts);
  const look = (signal = new AbortController().signal) => lookForOfficial({ ...urls(), env: first.env, signal });
  const dayLater = () => rm(cache("toolchain", "official.json"), { force: true });
  const publishAll = async (manner: Manner = "whole") => {
    await publishTool(publisher, "pulumi", { pulumi: cli, "pulumi-language-nodejs": official }, { manner });
    await publishTool(publisher, "consul", { consul: `${script(versions.consul)}# official\n` }, { manner });
    publisher.publish(probed, "");
  };
  /** All that a run would use, by what its first lines say. */
  const inUse = async () => {
    const { env, lines } = await prepare();
    const bin = (env.PATH ?? "").split(":")[0] ?? "";
    const plugins = (["command", "consul", "nomad"] as const).map((name) =>
      path.join(
        env.PULUMI_HOME ?? "",
        "plugins",
        `resource-${name}-v${pluginVersions[name]}`,
        `pulumi-resource-${name}`,
      ),
    );
    const files = [path.join(bin, "pulumi-language-nodejs"), ...plugins, (await consul()).path];
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
    return { files, texts, lines, official: texts.filter((text) => text.includes("official")).length };
  };

  beforeEach(async () => {
    scratch = await makeScratch();
    publisher = await startPublisher();
    sources = path.join(scratch.dir, "offline");
    await mkdir(sources);
    for (const name of ["language-nodejs", "command", "consul", "nomad"])
      await writeFile(path.join(sources, `${name}.ts`), `console.log("${name}");\n`);
    const bin = path.join(scratch.dir, "bin");
    environment = { PATH: bin };
    await writeProgram(path.join(scratch.dir, "cli"), cli);
    await writeProgram(path.join(scratch.dir, "consul"), script(versions.consul));
    await writeProgram(path.join(bin, "go"), fakeGo(path.join(scratch.dir, "cli")));
    first = await prepare();
    await writeProgram(path.join(bin, "go"), fakeGo(path.join(scratch.dir, "consul")));
    await consul();
    publisher.asked.length = 0;
  });
  afterEach(async () => {
    await publisher.close();
    await scratch.remove();
  });

  it("take the place of stand-ins and of what was built, for the next run alone", async () => {
    const before = await inUse();
    assert.equal(before.official, 0);
    await mkdir(path.join(first.env.PULUMI_HOME ?? "", "workspaces"));
    await publishAll();
    await dayLater();
    await look();
    const after = await inUse();
    assert.equal(after.official, after.files.length, after.lines.join("\n"));
    assert.match(after.lines.join("\n"), /nodejs, command 1\.2\.1, consul 3\.15\.1, nomad 2\.6\.1: official$/m);
    const still = await Promise.all(before.files.map((file) => readFile(file, "utf8")));
    assert.deepEqual(still, before.texts, "a run that began before goes on with what it has");
    const { env } = await prepare();
    assert.ok((await stat(path.join(env.PULUMI_HOME ?? "", "workspaces"))).isDirectory());
  });

  it("are looked for at most once a day, and not at all on the day when they could not be had", async () => {
    await publishAll();
    await look();
    assert.deepEqual(publisher.asked, []);
    await dayLater();
    await look();
    assert.notEqual(publisher.asked.length, 0);
    publisher.asked.length = 0;
    await look();
    assert.deepEqual(publisher.asked, []);
  });

  it("cost one question for each publisher where nobody can be reached, and change nothing", async () => {
    const before = await inUse();
    await dayLater();
    publisher.asked.length = 0;
    await look();
    assert.equal(publisher.asked.length, 2, publisher.asked.join());
    const after = await inUse();
    assert.deepEqual(after.texts, before.texts);
    assert.match(
      after.lines.join("\n"),
      /: stand-ins, 127\.0\.0\.1:\d+ answers 404 .*looked for less than an hour ago/,
    );
  });

  it("leave what is there when their archive breaks off or is another one, and come another day", async () => {
    const before = await inUse();
    await publishAll("cut");
    await dayLater();
    await look();
    await publishTool(publisher, "consul", { consul: "changed on its way" }, { sum: "0".repeat(64) });
    await dayLater();
    await look();
    const { files, texts } = await inUse();
    assert.deepEqual([files[0], files.at(-1)], [before.files[0], before.files.at(-1)]);
    assert.deepEqual([texts[0], texts.at(-1)], [before.texts[0], before.texts.at(-1)]);
    assert.deepEqual(
      (await scratch.cached()).filter((name) => /unfinished|release/.test(name)),
      [],
    );
    await publishAll();
    await dayLater();
    await look();
    assert.equal((await inUse()).official, files.length);
  });

  it("are given up soon after the run's end, and come another day", async () => {
    await publishAll("stall");
    await dayLater();
    const untilStalled = async () => {
      while (!publisher.asked.some((file) => file.endsWith(".tar.gz"))) await setTimeout(10);
      return 7;
    };
    assert.equal(await lookDuring({ ...urls(), env: first.env }, untilStalled), 7);
    assert.deepEqual(
      (await scratch.cached()).filter((name) => /unfinished|release/.test(name)),
      [],
    );
    await publishAll();
    await dayLater();
    await look();
    const { official: count, files } = await inUse();
    assert.equal(count, files.length);
  });

  it("never hide what goes wrong with the run itself", async () => {
    await dayLater();
    const failing = lookDuring({ ...urls(), env: first.env }, () => Promise.reject(new Error("no quorum")));
    await assert.rejects(failing, /^Error: no quorum$/);
  });

  it("go on where a killed run stopped", async () => {
    const home = cache(`pulumi-home-${Object.values(pluginVersions).join("-")}`);
    const half = path.join(`${home}.coming`, "plugins", `resource-command-v${pluginVersions.command}`);
    await writeProgram(path.join(half, "pulumi-resource-command"), "half");
    await writeFile(`${half}.partial`, "");
    assert.equal((await inUse()).official, 0);
    await publishAll();
    await dayLater();
    await look();
    const { official: count, files } = await inUse();
    assert.equal(count, files.length);
    assert.deepEqual(
      (await readdir(cache())).filter((name) => name.endsWith(".coming")),
      [],
    );
  });

  it("come once when two runs look at once", async () => {
    await publishAll();
    await dayLater();
    await Promise.all([look(), look()]);
    const { official: count, files } = await inUse();
    assert.equal(count, files.length);
    assert.deepEqual(
      (await readdir(cache())).filter((name) => /coming|unfinished/.test(name)),
      [],
    );
  });

  it("are replaced by stand-ins again when one of them is lost", async () => {
    await publishAll();
    await dayLater();
    await look();
    const { env } = await prepare();
    await rm(path.join(env.PULUMI_HOME ?? "", "plugins", `resource-nomad-v${pluginVersions.nomad}`), {
      recursive: true,
    });
    assert.equal((await prepare()).env.PULUMI_HOME, first.env.PULUMI_HOME);
    await dayLater();
    await look();
    const { official: count, files } = await inUse();
    assert.equal(count, files.length);
  });
});

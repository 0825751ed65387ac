import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../../../lib/run.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { preparePulumi } from "../../../toolchain/pulumi.ts";
import { pluginVersions, versions } from "../../../toolchain/versions.ts";
import { type Publisher, publishTool, startPublisher, writeProgram } from "./publisher.ts";
import { cli, fakeGo, official } from "./pulumi-cli.ts";
import { makeScratch, recorder, type Scratch } from "./scratch.ts";

const names = ["language-nodejs", "command", "consul", "nomad"];
const { os, architecture } = hostPlatform();
const plugin = `pulumi-resource-command-v${pluginVersions.command}-${os}-${architecture}.tar.gz`;

describe("preparing Pulumi", function () {
  this.timeout(20_000);
  let scratch: Scratch;
  let publisher: Publisher;
  let sources: string;
  let bin: string;

  const prepare = (environment: Record<string, string> = {}) => {
    const progress = recorder();
    return preparePulumi(progress, {
      publisher,
      pluginUrl: publisher.baseUrl,
      environment: { PATH: bin, ...environment },
      standInSources: sources,
    });
  };
  const writeSources = async (word: string) => {
    for (const name of names) {
      await writeFile(
        path.join(sources, `${name}.ts`),
        `import { word } from "./word.ts";\nconsole.log("${name}", word, process.argv[2]);\n`,
      );
    }
    await writeFile(path.join(sources, "word.ts"), `export const word: string = "${word}";\n`);
  };
  const pluginPath = (home: string, name: keyof typeof pluginVersions) =>
    path.join(home, "plugins", `resource-${name}-v${pluginVersions[name]}`, `pulumi-resource-${name}`);
  const languageHost = (searchPath: string) => path.join(searchPath.split(":")[0] ?? "", "pulumi-language-nodejs");

  beforeEach(async () => {
    scratch = await makeScratch();
    publisher = await startPublisher();
    sources = path.join(scratch.dir, "offline");
    bin = path.join(scratch.dir, "bin");
    await mkdir(sources);
    await writeSources("one");
    await writeProgram(path.join(scratch.dir, "cli"), cli);
    await writeProgram(path.join(bin, "go"), fakeGo(path.join(scratch.dir, "cli")));
  });
  afterEach(async () => {
    await publisher.close();
    await scratch.remove();
  });

  it("takes the official CLI, language host and plugins where they can be had", async () => {
    await publishTool(publisher, "pulumi", { pulumi: cli, "pulumi-language-nodejs": official });
    publisher.publish(plugin, "");
    const { env, lines } = await prepare();
    assert.equal(await readFile(languageHost(env.PATH ?? ""), "utf8"), official);
    for (const name of ["command", "consul", "nomad"] as const) {
      assert.match(await readFile(pluginPath(env.PULUMI_HOME ?? "", name), "utf8"), /official/);
    }
    assert.match(lines.join("\n"), /nodejs, command 1\.2\.1, consul 3\.15\.1, nomad 2\.6\.1: official$/m);
  });

  it("puts runnable stand-ins at the plugins' places where they can't be had, and says why", async () => {
    const { env, lines } = await prepare();
    assert.equal(await run(languageHost(env.PATH ?? ""), ["127.0.0.1:1"]), "language-nodejs one 127.0.0.1:1");
    for (const name of ["command", "consul", "nomad"] as const) {
      assert.equal(await run(pluginPath(env.PULUMI_HOME ?? "", name), ["a b"]), `${name} one a b`);
    }
    assert.match(lines[0] ?? "", /^pulumi 3\.220\.0: built from its Go module, 127\.0\.0\.1:\d+ answers 404/);
    assert.match(lines[1] ?? "", /nodejs, command 1\.2\.1, .*: stand-ins, 127\.0\.0\.1:\d+ answers 404/);
  });

  it("uses the official CLI with stand-ins for the plugins alone", async () => {
    await publishTool(publisher, "pulumi", { pulumi: cli, "pulumi-language-nodejs": official });
    const { env, lines } = await prepare();
    assert.equal(await readFile(languageHost(env.PATH ?? ""), "utf8"), official);
    assert.equal(await run(pluginPath(env.PULUMI_HOME ?? "", "nomad"), ["x"]), "nomad one x");
    assert.ok(lines.includes("Pulumi's language host nodejs: official"));
  });

  it("asks nobody once all is in place", async () => {
    await prepare();
    publisher.asked.length = 0;
    const { lines } = await prepare();
    assert.deepEqual(publisher.asked, []);
    assert.match(lines[1] ?? "", /: stand-ins, 127\.0\.0\.1:\d+ answers 404 for \S+, looked for less than an hour ago/);
  });

  it("bundles the stand-ins anew when their sources change, and drops bundles that nobody has used for long", async () => {
    await prepare();
    await writeSources("two");
    const { env } = await prepare();
    assert.equal(await run(pluginPath(env.PULUMI_HOME ?? "", "command"), ["x"]), "command two x");
    const folder = path.join(scratch.dir, "XDG_CACHE_HOME", "piinit", "toolchain", "stand-ins");
    const old = await readdir(folder);
    assert.equal(old.length, 2 * names.length, "an `up` of another checkout may still start them");
    for (const name of old) await utimes(path.join(folder, name), 0, 0);
    await writeSources("three");
    await prepare();
    assert.equal((await readdir(folder)).length, names.length);
  });

  it("keeps official plugins when the host can't be reached any more", async () => {
    await publishTool(publisher, "pulumi", { pulumi: cli, "pulumi-language-nodejs": official });
    publisher.publish(plugin, "");
    await prepare();
    await publisher.close();
    const { lines } = await prepare();
    publisher = await startPublisher();
    assert.match(lines.join("\n"), /nomad 2\.6\.1: official$/m);
  });

  it("takes the place of an installation that Pulumi didn't finish", async () => {
    const folder = path.join(
      scratch.dir,
      "XDG_CACHE_HOME",
      "piinit",
      "pulumi-home",
      "plugins",
      "resource-command-v1.2.1",
    );
    await writeProgram(path.join(folder, "pulumi-resource-command"), "half");
    await writeFile(`${folder}.partial`, "");
    await prepare();
    assert.equal(await run(path.join(folder, "pulumi-resource-command"), ["x"]), "command one x");
    await assert.rejects(stat(`${folder}.partial`));
  });

  it("is safe twice at once", async () => {
    const [first] = await Promise.all([prepare(), prepare()]);
    assert.equal(await run(pluginPath(first.env.PULUMI_HOME ?? "", "consul"), ["x"]), "consul one x");
    const plugins = await readdir(path.join(first.env.PULUMI_HOME ?? "", "plugins"));
    assert.deepEqual(
      plugins.filter((name) => name.startsWith(".")),
      [],
    );
  });

  it("leads to its own CLI and to this Node.js, before all else on PATH", async () => {
    const { env } = await prepare();
    const folders = (env.PATH ?? "").split(":");
    assert.equal(await run(path.join(folders[0] ?? "", "pulumi"), ["version"]), `v${versions.pulumi}`);
    assert.deepEqual(folders.slice(1), [path.dirname(process.execPath), bin]);
    assert.equal(env.PULUMI_SKIP_UPDATE_CHECK, "true");
  });

  it("makes a passphrase once, for this user's eyes only", async () => {
    const first = await prepare();
    const file = first.env.PULUMI_CONFIG_PASSPHRASE_FILE ?? "";
    const text = await readFile(file, "utf8");
    assert.match(text, /^[\w-]{43}\n$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok(first.lines.some((line) => line.includes(file) && line.includes("keep a copy")));
    assert.ok(!first.lines.join().includes(text.trim()));

    const second = await prepare();
    assert.equal(second.env.PULUMI_CONFIG_PASSPHRASE_FILE, file);
    assert.equal(await readFile(file, "utf8"), text);
    assert.ok(!second.lines.some((line) => line.includes(file)));
  });

  for (const own of ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"]) {
    it(`leaves the user's own ${own} alone, even an empty one`, async () => {
      const { env } = await prepare({ [own]: "" });
      assert.equal(env.PULUMI_CONFIG_PASSPHRASE_FILE, undefined);
      await assert.rejects(stat(path.join(scratch.dir, "XDG_CONFIG_HOME")));
    });
  }
});

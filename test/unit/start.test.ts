import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { parse } from "yaml";
import { projectDir } from "../../lib/paths.ts";
import { compilePrograms } from "../../start/compile.ts";
import { digestOfSources, listSources } from "../../start/load.mjs";
import { type Checkout, makeCheckout } from "../e2e/checkout.ts";

describe("programs that are compiled ahead", function () {
  this.timeout("3m");
  let checkout: Checkout;
  const file = (name: string) => path.join(checkout.dir, name);
  const cache = () => file("node_modules/.cache/piinit");
  const compiled = () => readdirSync(cache());
  const forget = () => rmSync(file("node_modules/.cache"), { recursive: true, force: true });

  before("a checkout with a cache of its own", async () => {
    checkout = await makeCheckout();
    rmSync(file("node_modules"));
    mkdirSync(file("node_modules"));
    const modules = path.join(projectDir, "node_modules");
    for (const name of readdirSync(modules).filter((name) => name !== ".cache"))
      symlinkSync(path.join(modules, name), file(path.join("node_modules", name)));
  });
  after(() => checkout.remove());

  /** Changes a source while `work` runs. */
  async function edited(name: string, change: (text: string) => string, work: () => Promise<void>): Promise<void> {
    const text = readFileSync(file(name), "utf8");
    assert.notEqual(change(text), text);
    writeFileSync(file(name), change(text));
    await work().finally(() => writeFileSync(file(name), text));
  }

  async function help(): Promise<string> {
    const { exitCode, output } = await checkout.piinit("--help");
    assert.equal(exitCode, 0, output);
    return output;
  }

  const otherWords = (text: string) => text.replace("A home cluster of", "A flock of");

  it("are what the sources are, after every change", async () => {
    assert.match(await help(), /^A home cluster of/m);
    await edited("cli/main.ts", otherWords, async () => assert.match(await help(), /^A flock of/m));
    assert.equal(compiled().length, 2);
    const times = () => compiled().map((name) => statSync(path.join(cache(), name, "cli/main.js")).mtimeMs);
    const before = times();
    assert.match(await help(), /^A home cluster of/m);
    assert.deepEqual(times(), before);
  });

  it("are made once where several commands start at the same time", async () => {
    forget();
    const helps = await Promise.all([help(), help(), help()]);
    for (const text of helps) assert.match(text, /^A home cluster of/m);
    assert.equal(compiled().length, 1);
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const)
    it(`are made again after ${signal}, and nothing unfinished stays`, async () => {
      forget();
      const child = execa("node", ["start/main.mjs", "cli/main.ts", "--help"], { cwd: checkout.dir, reject: false });
      while (!existsSync(cache()) && child.exitCode === null) await sleep(1);
      child.kill(signal);
      await child;
      await help();
      assert.deepEqual(
        compiled().filter((name) => !/^[0-9a-f]{32}$/.test(name)),
        [],
      );
    });

  it("give way to the sources where one of these is broken, or nothing can be read or written", async () => {
    forget();
    await edited(
      "cli/burn.ts",
      (text) => `${text}}`,
      async () => {
        assert.match(await help(), /^A home cluster of/m);
        assert.deepEqual(compiled(), []);
      },
    );
    await help();
    for (const name of compiled()) rmSync(path.join(cache(), name, "cli"), { recursive: true });
    assert.match(await help(), /^A home cluster of/m);
    forget();
    writeFileSync(file("node_modules/.cache"), "");
    await edited("cli/main.ts", otherWords, async () => assert.match(await help(), /^A flock of/m));
  });

  it("name the sources in stack traces", async () => {
    forget();
    const thrower = '\nexport function define() {\n  throw new TypeError("on purpose");\n}\n';
    await edited(
      "cli/env.ts",
      () => thrower,
      async () => {
        const { output } = await checkout.piinit("env");
        assert.match(output, /on purpose\n +at .*cli\/env\.ts:3:9/);
        assert.equal(compiled().length, 1);
      },
    );
  });

  it("ask nowhere where they are but in lib/paths.ts, which is told", () => {
    const asking = listSources().filter(
      (name) => name.endsWith(".ts") && readFileSync(path.join(projectDir, name), "utf8").includes("(import.meta.url"),
    );
    assert.deepEqual(asking, ["lib/paths.ts", "toolchain/bundle.ts"]); // The latter writes it into a bundle.
  });

  it("are not kept when a source has changed meanwhile, nor for longer than a day without use", async () => {
    const parent = mkdtempSync(path.join(tmpdir(), "piinit-compiled-"));
    try {
      for (const [name, days] of Object.entries({ old: 2, used: 0.5 })) {
        const when = new Date(Date.now() - days * 24 * 60 * 60 * 1000);
        mkdirSync(path.join(parent, name));
        utimesSync(path.join(parent, name), when, when);
      }
      await assert.rejects(compilePrograms(path.join(parent, "0".repeat(32))), /sources have changed/);
      assert.deepEqual(readdirSync(parent).sort(), ["old", "used"]);
      await compilePrograms(path.join(parent, digestOfSources()));
      assert.deepEqual(readdirSync(parent).sort(), [digestOfSources(), "used"].sort());
    } finally {
      rmSync(parent, { recursive: true });
    }
  });
});

describe("Pulumi's runner", function () {
  this.timeout("1m");

  /** Whether the SDK's libraries are loaded, before and after it used one of them, and what it made with that. */
  const program = `
    import { createRequire } from "node:module";
    const require = createRequire(process.cwd() + "/");
    const pulumi = require("@pulumi/pulumi");
    require("@pulumi/pulumi/cmd/run/tracing.js");
    const isLoaded = () => ["typescript", "@npmcli/arborist", "@opentelemetry/sdk-trace-base", "@pulumi/pulumi/automation"].map((name) =>
      Object.keys(require.cache).some((file) => file.includes("/node_modules/" + name + "/")));
    const before = isLoaded();
    const { text } = await pulumi.runtime.serializeFunction(() => "the answer");
    new pulumi.automation.ConcurrentUpdateError("");
    console.log(JSON.stringify({ before, after: isLoaded(), text }));`;

  async function run(...args: string[]) {
    const { stdout } = await execa("node", [...args, "--input-type=module", "--eval", program], { cwd: projectDir });
    return JSON.parse(stdout);
  }

  it("loads what it rarely uses when it uses that", async () => {
    const { runtime } = parse(readFileSync(path.join(projectDir, "Pulumi.yaml"), "utf8"));
    const early = await run();
    const late = await run(...runtime.options.nodeargs.split(" "));
    assert.deepEqual(early.before, [true, true, true, true]);
    assert.deepEqual(
      [late.before, late.after],
      [
        [false, false, false, false],
        [true, false, false, true],
      ],
    );
    assert.match(late.text, /the answer/);
    assert.equal(late.text, early.text);
  });
});

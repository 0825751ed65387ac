import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { packagesToBuild, toolGetter, type WantedTool } from "../../../toolchain/prerequisites.ts";
import { consul, fakeGo, foreign, nowhere, refusal, toolFixture } from "./fixture.ts";
import { publishTool, writeProgram } from "./publisher.ts";

const host = hostPlatform().architecture;
const cross = foreign === "arm64" ? "aarch64-linux-gnu" : "x86-64-linux-gnu";

describe("what building the tools takes", () => {
  const at = toolFixture();
  const options = (environment: Record<string, string> = nowhere) => ({
    progress: at.progress,
    publisher: at.publisher,
    environment,
  });
  const needed = async (...wanted: WantedTool[]) =>
    (await packagesToBuild(wanted, options())).map(({ debian }) => debian);
  const consulFor = (architecture: WantedTool["architecture"]): WantedTool => ({ name: "consul", architecture });

  it("is nothing where the publisher has them", async () => {
    await publishTool(at.publisher, "consul", { consul });
    assert.deepEqual(await needed(consulFor(host)), []);
    assert.deepEqual(at.progress.lines, []);
  });

  it("is nothing for those that are in the cache, and nobody is asked", async () => {
    await publishTool(at.publisher, "consul", { consul });
    await at.getConsul();
    at.publisher.asked.length = 0;
    assert.deepEqual(await needed(consulFor(host)), []);
    assert.deepEqual(at.publisher.asked, []);
  });

  it("is Go where the publisher has none of them, told with the reason", async () => {
    assert.deepEqual(await needed(consulFor(host)), ["golang-go"]);
    assert.match(at.progress.lines.join("\n"), /^consul .* will be built from its Go module: .* answers 404/);
  });

  it("is a C compiler too for Nomad, for the board's architecture, however many tools there are", async () => {
    const names = await needed(consulFor(foreign), { name: "nomad", architecture: foreign });
    assert.deepEqual(names.slice(0, 2), ["golang-go", `gcc-${cross}`]);
    assert.equal(new Set(names).size, names.length);
  });

  it("is Go for ARMv6, whatever the publisher has, and nothing for what there is none of", async () => {
    await publishTool(at.publisher, "consul", { consul }, { architecture: "armel" });
    assert.deepEqual(await needed(consulFor("armel")), ["golang-go"]);
    assert.deepEqual(await needed({ name: "nomad", architecture: "armel" }), []);
  });

  it("is known before the first of them is built", async () => {
    const bin = path.join(at.scratch.dir, "bin");
    const log = path.join(at.scratch.dir, "go.log");
    await writeProgram(path.join(bin, "go"), fakeGo(log));
    const get = toolGetter([consulFor(foreign), { name: "nomad", architecture: foreign }]);
    const attempt = get("consul", { architecture: foreign, ...options({ PATH: bin }) });
    await refusal(
      attempt,
      /^Building consul and nomad needs what is not installed here: .*-gcc/,
      `install gcc-${cross}`,
    );
    await assert.rejects(readFile(log), { code: "ENOENT" });
  });

  it("is refused at once where the Go that is here, or that apt would bring, is too old", async () => {
    const bin = path.join(at.scratch.dir, "bin");
    const attempt = () => packagesToBuild([consulFor(host)], options({ PATH: bin }));
    await writeProgram(path.join(bin, "apt-cache"), "#!/bin/sh\nprintf 'golang-go:\\n  Candidate: 2:1.24~2\\n'\n");
    assert.equal((await attempt())[0]?.debian, "golang-go");
    await writeProgram(path.join(bin, "apt-cache"), "#!/bin/sh\nprintf 'golang-go:\\n  Candidate: 2:1.19~1\\n'\n");
    await refusal(attempt(), /package golang-go\) is 1\.19, and building needs 1\.21 or newer/, "go\\.dev/dl");
    await writeProgram(path.join(bin, "go"), "#!/bin/sh\necho go version go1.20.1 linux/amd64\n");
    await refusal(attempt(), "go1\\.20\\.1", "too old");
  });
});

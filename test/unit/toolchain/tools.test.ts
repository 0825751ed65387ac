import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { exists } from "../../../lib/files.ts";
import { run } from "../../../lib/run.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { tools, versions } from "../../../toolchain/versions.ts";
import { consul, fakeGo, foreign, nowhere, refusal, toolFixture } from "./fixture.ts";
import { publishTool, script, writeProgram } from "./publisher.ts";
import { testSigner } from "./signer.ts";

describe("getting a tool", function () {
  this.timeout(20_000);
  const at = toolFixture();

  describe("from the publisher's release", () => {
    it("unpacks HashiCorp's zip when its sum is right, and says so", async () => {
      await publishTool(at.publisher, "consul", { consul });
      const tool = await at.getConsul();
      assert.equal(tool.source, "release");
      assert.equal(tool.version, versions.consul);
      assert.equal(await readFile(tool.path, "utf8"), consul);
      assert.match(await run(tool.path, ["version"]), /1\.22\.2/);
      assert.match(tool.sha256, /^[0-9a-f]{64}$/);
      assert.equal(at.progress.lines.at(-1), `consul 1.22.2 (${hostPlatform().architecture}): the publisher's release`);
    });

    it("unpacks Pulumi's tar with the programs beside the CLI", async () => {
      const language = "#!/bin/sh\n";
      const programs = { pulumi: script(versions.pulumi), "pulumi-language-nodejs": language };
      await publishTool(at.publisher, "pulumi", programs);
      const tool = await getTool("pulumi", { progress: at.progress, publisher: at.publisher, environment: nowhere });
      const beside = path.join(path.dirname(tool.path), "pulumi-language-nodejs");
      assert.equal(await readFile(beside, "utf8"), language);
      assert.equal((await stat(beside)).mode & 0o111, 0o111);
    });

    it("gets the program of another architecture without running it", async () => {
      await publishTool(at.publisher, "consul", { consul: "not for this machine" }, { architecture: foreign });
      const tool = await getTool("consul", { architecture: foreign, progress: at.progress, publisher: at.publisher });
      assert.equal(await readFile(tool.path, "utf8"), "not for this machine");
    });

    for (const [architecture, goarm] of [
      ["armel", 5],
      ["armel", 6],
      ["armhf", 7],
    ] as const) {
      it(`takes the archive for 32-bit ARM for ${architecture} when it is built for ARMv${goarm}`, async () => {
        const program = `\0build\tGOARCH=arm\nbuild\tGOARM=${goarm}\n\0`;
        await publishTool(at.publisher, "terraform", { terraform: program }, { architecture });
        const tool = await getTool("terraform", { architecture, progress: at.progress, publisher: at.publisher });
        assert.equal(tool.source, "release");
        assert.equal(await readFile(tool.path, "utf8"), program);
      });
    }

    for (const name of ["nomad", "pulumi"] as const) {
      it(`asks nobody for a 32-bit ${name}, and says why there is none`, async () => {
        for (const architecture of ["armhf", "armel"] as const) {
          const attempt = getTool(name, { architecture, progress: at.progress, publisher: at.publisher });
          await refusal(attempt, `There is no ${name} ${versions[name]} \\(${architecture}\\)\\. \\w+ .*\\.$`);
        }
        assert.deepEqual(at.publisher.asked, []);
      });
    }

    it("refuses a file with a wrong sum, names both sums, keeps nothing and builds nothing", async () => {
      const listed = "ab".repeat(32);
      const log = path.join(at.scratch.dir, "go.log");
      await writeProgram(path.join(at.scratch.dir, "bin", "go"), fakeGo(log));
      const { sum } = await publishTool(at.publisher, "consul", { consul }, { sum: listed });
      await refusal(at.getConsul({ PATH: path.join(at.scratch.dir, "bin") }), sum, listed);
      assert.deepEqual(await at.scratch.cached(), []);
      await assert.rejects(stat(log));
    });

    it("refuses a list of sums that doesn't name the file", async () => {
      const file = tools.consul.release.sums(versions.consul);
      const { sign } = await testSigner();
      at.publisher.publish(file, "another list");
      at.publisher.publish(`${file}.sig`, await sign("another list"));
      await refusal(at.getConsul(), "doesn't name consul_1.22.2");
      assert.deepEqual(await at.scratch.cached(), []);
    });

    it("takes a list of sums that is far too long for none", async () => {
      await publishTool(at.publisher, "consul", { consul });
      at.publisher.publish(tools.consul.release.sums(versions.consul), "x".repeat(2 << 20));
      await refusal(at.getConsul(), /can't be had: 127\.0\.0\.1:\d+ gives more than 1048576 bytes/);
    });

    it("refuses a program that tells another version", async () => {
      await publishTool(at.publisher, "consul", { consul: script("1.22.2-dev") });
      await refusal(at.getConsul(), /answers "1\.22\.2-dev"/);
      assert.deepEqual(await at.scratch.cached(), []);
    });
  });

  describe("from the cache", () => {
    beforeEach(async () => {
      await publishTool(at.publisher, "consul", { consul });
    });

    it("asks nobody a second time", async () => {
      const first = await at.getConsul();
      at.publisher.asked.length = 0;
      const second = await at.getConsul();
      assert.equal(second.source, "cache");
      assert.deepEqual([second.path, second.sha256], [first.path, first.sha256]);
      assert.deepEqual(at.publisher.asked, []);
      assert.match(at.progress.lines.at(-1) ?? "", /in the cache \(the publisher's release\)/);
    });

    it("is told as the cache even when PATH leads there", async () => {
      const { path: program } = await at.getConsul();
      await truncate(program, 0);
      await writeFile(program, "echo v1.22.2\n");
      assert.equal((await at.getConsul({ PATH: path.dirname(program) })).source, "release");
      assert.equal((await at.getConsul({ PATH: path.dirname(program) })).source, "cache");
    });

    it("fetches anew what was damaged", async () => {
      const { path: program } = await at.getConsul();
      await truncate(program, 3);
      const again = await at.getConsul();
      assert.equal(again.source, "release");
      assert.equal(await readFile(program, "utf8"), consul);
    });

    it("stays whole when two fetch at once", async () => {
      const both = await Promise.all([at.getConsul(), at.getConsul()]);
      assert.equal(both[0].path, both[1].path);
      assert.equal(await readFile(both[0].path, "utf8"), consul);
      assert.deepEqual(await at.scratch.cached(), [path.basename(path.dirname(both[0].path))]);
    });
  });

  describe("from PATH", () => {
    // Without a first line "#!", since a script there is taken for a version manager's wrapper.
    const plain = (version: string, log: string) => `echo asked >> '${log}'\necho "Consul v${version}"\n`;
    let bin: string;
    let log: string;
    beforeEach(() => {
      bin = path.join(at.scratch.dir, "bin");
      log = path.join(at.scratch.dir, "asked.log");
    });

    it("takes exactly the pinned version, and remembers what it was told", async () => {
      await writeProgram(path.join(bin, "consul"), plain(versions.consul, log));
      assert.equal((await at.getConsul({ PATH: bin })).source, "PATH");
      const again = await at.getConsul({ PATH: bin });
      assert.equal(again.path, path.join(bin, "consul"));
      assert.equal(await readFile(log, "utf8"), "asked\n");
      assert.deepEqual(at.publisher.asked, []);
    });

    it("looks again when the program has changed", async () => {
      await publishTool(at.publisher, "consul", { consul });
      await writeProgram(path.join(bin, "consul"), plain(versions.consul, log));
      await at.getConsul({ PATH: bin });
      await writeProgram(path.join(bin, "consul"), `${plain("1.22.20", log)}# changed\n`);
      assert.equal((await at.getConsul({ PATH: bin })).source, "release");
    });

    for (const other of ["1.22.20", "1.22.2-dev", "1.22.2+ent", "1.21.0"]) {
      it(`passes over ${other}`, async () => {
        await publishTool(at.publisher, "consul", { consul });
        await writeProgram(path.join(bin, "consul"), plain(other, log));
        assert.equal((await at.getConsul({ PATH: bin })).source, "release");
      });
    }

    it("passes over a wrapper, a broken program, and a Pulumi without its language host", async () => {
      await publishTool(at.publisher, "consul", { consul });
      await writeProgram(path.join(bin, "consul"), consul);
      assert.equal((await at.getConsul({ PATH: bin })).source, "release");
      await writeFile(path.join(bin, "consul"), "exit 3\n");
      assert.equal((await at.getConsul({ PATH: bin })).source, "cache");

      await publishTool(at.publisher, "pulumi", { pulumi: script(versions.pulumi) });
      await writeProgram(path.join(bin, "pulumi"), plain(versions.pulumi, log));
      const pulumi = () =>
        getTool("pulumi", { progress: at.progress, publisher: at.publisher, environment: { PATH: bin } });
      assert.equal((await pulumi()).source, "release");
      await writeProgram(path.join(bin, "pulumi-language-nodejs"), "exit 0\n");
      assert.equal((await pulumi()).source, "PATH");
    });

    it("is not for another architecture", async () => {
      await writeProgram(path.join(bin, "consul"), plain(versions.consul, log));
      const attempt = getTool("consul", {
        architecture: foreign,
        progress: at.progress,
        publisher: at.publisher,
        environment: { PATH: bin },
      });
      await refusal(attempt, "no Go on PATH");
      await assert.rejects(stat(log));
    });
  });

  describe("when it is interrupted", () => {
    const fixture = fileURLToPath(new URL("fetch-consul.ts", import.meta.url));
    let child: ChildProcess;

    const start = (searchPath: string) => {
      const args = ["--import", "tsx", fixture, "fetch", JSON.stringify(at.publisher), searchPath];
      child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "pipe"] });
      child.stdin?.end("{}");
    };
    const until = async (isSo: () => Promise<boolean>) => {
      while (!(await isSo())) {
        assert.equal(child.exitCode, null, "the process ended early");
        await wait(20);
      }
    };
    const startDownload = async () => {
      await publishTool(at.publisher, "consul", { consul }, { manner: "stall" });
      start("");
      await until(async () => at.publisher.asked.some((file) => file.endsWith(".zip")));
    };
    const startBuild = async () => {
      const log = path.join(at.scratch.dir, "go.log");
      const go = `#!/bin/sh\n[ "$1" = version ] && echo go1.26 && exit\necho "$@" > '${log}'\nPATH=/usr/bin:/bin exec sleep 60\n`;
      await writeProgram(path.join(at.scratch.dir, "bin", "go"), go);
      start(path.join(at.scratch.dir, "bin"));
      await until(() => exists(log));
    };
    afterEach(() => child.kill("SIGKILL"));

    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      for (const [work, begin] of Object.entries({ download: startDownload, build: startBuild })) {
        it(`leaves nothing of a ${work} behind after ${signal}`, async () => {
          await begin();
          child.kill(signal);
          const [code] = await once(child, "exit");
          assert.equal(code, 1);
          assert.deepEqual(await at.scratch.cached(), []);
        });
      }
    }

    it("leaves no name behind after SIGKILL, and the next run cleans up", async () => {
      await startDownload();
      child.kill("SIGKILL");
      await once(child, "exit");
      assert.equal((await at.scratch.cached()).filter((name) => !name.startsWith(".unfinished-")).length, 0);
      await publishTool(at.publisher, "consul", { consul });
      const tool = await at.getConsul();
      assert.deepEqual(await at.scratch.cached(), [path.basename(path.dirname(tool.path))]);
    });

    it("leaves another process's unfinished work alone", async () => {
      await startDownload();
      const [unfinished = ""] = await at.scratch.cached();
      await publishTool(at.publisher, "consul", { consul });
      await at.getConsul();
      assert.ok((await at.scratch.cached()).includes(unfinished));
    });
  });
});

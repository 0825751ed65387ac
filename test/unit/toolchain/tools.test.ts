import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../lib/errors.ts";
import { run } from "../../../lib/run.ts";
import { exists } from "../../../toolchain/cache.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { tools, versions } from "../../../toolchain/versions.ts";
import { type Publisher, publishTool, script, startPublisher, writeProgram } from "./publisher.ts";
import { makeScratch, recorder, type Scratch } from "./scratch.ts";

const nowhere = { PATH: "" };
const consul = script(versions.consul);
const foreign = hostPlatform().architecture === "amd64" ? "arm64" : "amd64";

/** Stands for Go: writes down how it was called, and a program that tells the right version. */
const fakeGo = (log: string) => `#!/bin/sh
PATH=/usr/bin:/bin
[ "$1" = version ] && echo "go version go1.26.8 linux/amd64" && exit
[ -f go.mod ] && [ -f go.sum ] || exit 9
echo "go: downloading example.org/a v1.0.0" >&2
{ echo "$@"; env; } > '${log}'
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v${versions.consul}\\n' > "$2" && chmod +x "$2"
`;

describe("getting a tool", function () {
  this.timeout(20_000);
  let scratch: Scratch;
  let publisher: Publisher;
  let progress: ReturnType<typeof recorder>;

  const getConsul = (environment: Record<string, string> = nowhere) =>
    getTool("consul", { progress, baseUrl: publisher.url, environment });
  const refusal = (attempt: Promise<unknown>, ...texts: (string | RegExp)[]) =>
    assert.rejects(attempt, (error) => {
      assert.ok(error instanceof UserError, String(error));
      for (const text of texts) assert.match(error.message, typeof text === "string" ? new RegExp(text) : text);
      return true;
    });

  beforeEach(async () => {
    scratch = await makeScratch();
    publisher = await startPublisher();
    progress = recorder();
  });
  afterEach(async () => {
    await publisher.close();
    await scratch.remove();
  });

  describe("from the publisher's release", () => {
    it("unpacks HashiCorp's zip when its sum is right, and says so", async () => {
      await publishTool(publisher, "consul", { consul });
      const tool = await getConsul();
      assert.equal(tool.source, "release");
      assert.equal(tool.version, versions.consul);
      assert.equal(await readFile(tool.path, "utf8"), consul);
      assert.match(await run(tool.path, ["version"]), /1\.22\.2/);
      assert.match(tool.sha256, /^[0-9a-f]{64}$/);
      assert.equal(progress.lines.at(-1), `consul 1.22.2 (${hostPlatform().architecture}): the publisher's release`);
    });

    it("unpacks Pulumi's tar with the programs beside the CLI", async () => {
      const language = "#!/bin/sh\n";
      const programs = { pulumi: script(versions.pulumi), "pulumi-language-nodejs": language };
      await publishTool(publisher, "pulumi", programs);
      const tool = await getTool("pulumi", { progress, baseUrl: publisher.url, environment: nowhere });
      const beside = path.join(path.dirname(tool.path), "pulumi-language-nodejs");
      assert.equal(await readFile(beside, "utf8"), language);
      assert.equal((await stat(beside)).mode & 0o111, 0o111);
    });

    it("gets the program of another architecture without running it", async () => {
      await publishTool(publisher, "consul", { consul: "not for this machine" }, { architecture: foreign });
      const tool = await getTool("consul", { architecture: foreign, progress, baseUrl: publisher.url });
      assert.equal(await readFile(tool.path, "utf8"), "not for this machine");
    });

    for (const [architecture, goarm] of [
      ["armel", 5],
      ["armel", 6],
      ["armhf", 7],
    ] as const) {
      it(`takes the archive for 32-bit ARM for ${architecture} when it is built for ARMv${goarm}`, async () => {
        const program = `\0build\tGOARCH=arm\nbuild\tGOARM=${goarm}\n\0`;
        await publishTool(publisher, "terraform", { terraform: program }, { architecture });
        const tool = await getTool("terraform", { architecture, progress, baseUrl: publisher.url });
        assert.equal(tool.source, "release");
        assert.equal(await readFile(tool.path, "utf8"), program);
      });
    }

    for (const name of ["nomad", "pulumi"] as const) {
      it(`asks nobody for a 32-bit ${name}, and says why there is none`, async () => {
        for (const architecture of ["armhf", "armel"] as const) {
          const attempt = getTool(name, { architecture, progress, baseUrl: publisher.url });
          await refusal(attempt, `There is no ${name} ${versions[name]} \\(${architecture}\\)\\. \\w+ .*\\.$`);
        }
        assert.deepEqual(publisher.asked, []);
      });
    }

    it("refuses a file with a wrong sum, names both sums, keeps nothing and builds nothing", async () => {
      const listed = "ab".repeat(32);
      const log = path.join(scratch.dir, "go.log");
      await writeProgram(path.join(scratch.dir, "bin", "go"), fakeGo(log));
      const { sum } = await publishTool(publisher, "consul", { consul }, { sum: listed });
      await refusal(getConsul({ PATH: path.join(scratch.dir, "bin") }), sum, listed);
      assert.deepEqual(await scratch.cached(), []);
      await assert.rejects(stat(log));
    });

    it("refuses a list of sums that doesn't name the file", async () => {
      await publishTool(publisher, "consul", { consul });
      publisher.publish(tools.consul.release.sums(versions.consul), "<html>Please sign in</html>");
      await refusal(getConsul(), "doesn't name consul_1.22.2");
      assert.deepEqual(await scratch.cached(), []);
    });

    it("refuses a program that tells another version", async () => {
      await publishTool(publisher, "consul", { consul: script("1.22.2-dev") });
      await refusal(getConsul(), /answers "1\.22\.2-dev"/);
      assert.deepEqual(await scratch.cached(), []);
    });
  });

  describe("where the release can't be had", () => {
    let bin: string;
    let log: string;
    beforeEach(async () => {
      bin = path.join(scratch.dir, "bin");
      log = path.join(scratch.dir, "go.log");
      await writeProgram(path.join(bin, "go"), fakeGo(log));
    });

    it("builds it from its Go module after a cut connection, and says why", async () => {
      await publishTool(publisher, "consul", { consul }, { manner: "cut" });
      const tool = await getConsul({ PATH: bin });
      assert.equal(tool.source, "built");
      assert.match(progress.lines.at(-1) ?? "", /built from its Go module, 127\.0\.0\.1:\d+ can't be reached/);
      assert.deepEqual(await scratch.cached(), [path.basename(path.dirname(tool.path))]);
      assert.deepEqual((await readdir(path.dirname(tool.path))).sort(), ["consul", "tool.json"]);
    });

    it("builds it after a 404", async () => {
      assert.equal((await getConsul({ PATH: bin })).source, "built");
      assert.match(progress.lines.at(-1) ?? "", /answers 404/);
    });

    it("builds it when nothing listens there", async () => {
      await publisher.close();
      assert.equal((await getConsul({ PATH: bin })).source, "built");
      publisher = await startPublisher();
    });

    it("keeps the user's Go settings out of the outcome, and the proxy settings in", async () => {
      await getConsul({ PATH: bin, GOFLAGS: "-mod=vendor", GOARCH: "mips", GOPROXY: "https://proxy.example.org" });
      const call = await readFile(log, "utf8");
      assert.match(call, /^build -trimpath -ldflags -s -w -o \S+\/consul github\.com\/hashicorp\/consul$/m);
      assert.match(call, /^GOFLAGS=-mod=mod$/m);
      assert.match(call, new RegExp(`^GOARCH=${hostPlatform().architecture}$`, "m"));
      assert.match(call, /^CGO_ENABLED=0$/m);
      assert.match(call, /^GOPROXY=https:\/\/proxy\.example\.org$/m);
    });

    for (const architecture of ["armhf", "armel"] as const) {
      it(`builds it for every 32-bit ARM board when it is for ${architecture}`, async () => {
        const tool = await getTool("consul", {
          architecture,
          progress,
          baseUrl: publisher.url,
          environment: { PATH: bin, GOARM: "7" },
        });
        assert.equal(tool.source, "built");
        const call = await readFile(log, "utf8");
        assert.match(call, /^GOARCH=arm$/m);
        assert.match(call, /^GOARM=6$/m);
        assert.match(call, /^CGO_ENABLED=0$/m);
      });
    }

    it("builds it for ARMv6 when the publisher's is for ARMv7 or doesn't tell, and keeps nothing of that one", async () => {
      for (const [program, kind] of [
        ["build\tGOARM=7\n", "ARMv7"],
        ["no word of it", "an unknown kind of ARM"],
      ] as const) {
        await publishTool(publisher, "consul", { consul: program }, { architecture: "armel" });
        const tool = await getTool("consul", {
          architecture: "armel",
          progress,
          baseUrl: publisher.url,
          environment: { PATH: bin },
        });
        assert.equal(tool.source, "built");
        assert.match(await readFile(tool.path, "utf8"), /echo v1\.22\.2/);
        assert.ok(progress.lines.at(-1)?.endsWith(`consul_1.22.2_linux_arm.zip is for ${kind}, not for ARMv6`));
        await rm(path.dirname(tool.path), { recursive: true });
      }
    });

    it("names only ways out that help a board", async () => {
      await publishTool(publisher, "consul", { consul: "build\tGOARM=7\n" }, { architecture: "armel" });
      const attempt = getTool("consul", {
        architecture: "armel",
        progress,
        baseUrl: publisher.url,
        environment: nowhere,
      });
      await refusal(
        attempt,
        /is for ARMv7, not for ARMv6, and there is no Go on PATH[^\n]*\nThis helps:\n {2}- put Go [^\n]*$/,
      );
      assert.deepEqual(await scratch.cached(), []);
    });

    it("gives Go the whole wrapper module, folders too", async () => {
      const backends = path.join(scratch.dir, "backends.log");
      const go = fakeGo(log)
        .replace("echo v1.22.2", "echo v1.14.3")
        .replace("shift; done", `shift; done; ls backends > '${backends}'`);
      await writeProgram(path.join(bin, "go"), go);
      await getTool("terraform", { progress, baseUrl: publisher.url, environment: { PATH: bin } });
      assert.match(await readFile(backends, "utf8"), /^consul$/m);
      assert.match(await readFile(log, "utf8"), /-X github\.com\/hashicorp\/terraform\/version\.dev=no /);
    });

    it("names the three ways out when there is no Go", async () => {
      await refusal(
        getConsul(),
        "answers 404",
        "no Go on PATH",
        /make 127\.0\.0\.1:\d+ reachable/,
        "put consul 1.22.2 on PATH",
        /put Go/,
      );
      assert.deepEqual(await scratch.cached(), []);
    });

    it("names the package of a missing cross-compiler", async function () {
      if (process.platform !== "linux") this.skip();
      const attempt = getTool("nomad", {
        architecture: foreign,
        progress,
        baseUrl: publisher.url,
        environment: { PATH: bin },
      });
      await refusal(attempt, /apt-get install gcc-(aarch64|x86-64)-linux-gnu/);
    });

    it("keeps nothing of a build that failed, and shows its last lines", async () => {
      await writeProgram(
        path.join(bin, "go"),
        `#!/bin/sh\n[ "$1" = version ] && echo go1.26 && exit\necho "no such module" >&2\nexit 1\n`,
      );
      await refusal(getConsul({ PATH: bin }), "no such module", "One of these helps");
      assert.deepEqual(await scratch.cached(), []);
    });

    it("refuses a Go that is too old to fetch the one that is needed", async () => {
      await writeProgram(path.join(bin, "go"), "#!/bin/sh\necho go version go1.19.8 linux/amd64\n");
      await refusal(getConsul({ PATH: bin }), "go1.19.8");
    });
  });

  describe("from the cache", () => {
    beforeEach(async () => {
      await publishTool(publisher, "consul", { consul });
    });

    it("asks nobody a second time", async () => {
      const first = await getConsul();
      publisher.asked.length = 0;
      const second = await getConsul();
      assert.equal(second.source, "cache");
      assert.deepEqual([second.path, second.sha256], [first.path, first.sha256]);
      assert.deepEqual(publisher.asked, []);
      assert.match(progress.lines.at(-1) ?? "", /in the cache \(the publisher's release\)/);
    });

    it("is told as the cache even when PATH leads there", async () => {
      const { path: program } = await getConsul();
      await truncate(program, 0);
      await writeFile(program, "echo v1.22.2\n");
      assert.equal((await getConsul({ PATH: path.dirname(program) })).source, "release");
      assert.equal((await getConsul({ PATH: path.dirname(program) })).source, "cache");
    });

    it("fetches anew what was damaged", async () => {
      const { path: program } = await getConsul();
      await truncate(program, 3);
      const again = await getConsul();
      assert.equal(again.source, "release");
      assert.equal(await readFile(program, "utf8"), consul);
    });

    it("stays whole when two fetch at once", async () => {
      const both = await Promise.all([getConsul(), getConsul()]);
      assert.equal(both[0].path, both[1].path);
      assert.equal(await readFile(both[0].path, "utf8"), consul);
      assert.deepEqual(await scratch.cached(), [path.basename(path.dirname(both[0].path))]);
    });
  });

  describe("from PATH", () => {
    // Without a first line "#!", since a script there is taken for a version manager's wrapper.
    const plain = (version: string, log: string) => `echo asked >> '${log}'\necho "Consul v${version}"\n`;
    let bin: string;
    let log: string;
    beforeEach(() => {
      bin = path.join(scratch.dir, "bin");
      log = path.join(scratch.dir, "asked.log");
    });

    it("takes exactly the pinned version, and remembers what it was told", async () => {
      await writeProgram(path.join(bin, "consul"), plain(versions.consul, log));
      assert.equal((await getConsul({ PATH: bin })).source, "PATH");
      const again = await getConsul({ PATH: bin });
      assert.equal(again.path, path.join(bin, "consul"));
      assert.equal(await readFile(log, "utf8"), "asked\n");
      assert.deepEqual(publisher.asked, []);
    });

    it("looks again when the program has changed", async () => {
      await publishTool(publisher, "consul", { consul });
      await writeProgram(path.join(bin, "consul"), plain(versions.consul, log));
      await getConsul({ PATH: bin });
      await writeProgram(path.join(bin, "consul"), `${plain("1.22.20", log)}# changed\n`);
      assert.equal((await getConsul({ PATH: bin })).source, "release");
    });

    for (const other of ["1.22.20", "1.22.2-dev", "1.22.2+ent", "1.21.0"]) {
      it(`passes over ${other}`, async () => {
        await publishTool(publisher, "consul", { consul });
        await writeProgram(path.join(bin, "consul"), plain(other, log));
        assert.equal((await getConsul({ PATH: bin })).source, "release");
      });
    }

    it("passes over a wrapper, a broken program, and a Pulumi without its language host", async () => {
      await publishTool(publisher, "consul", { consul });
      await writeProgram(path.join(bin, "consul"), consul);
      assert.equal((await getConsul({ PATH: bin })).source, "release");
      await writeFile(path.join(bin, "consul"), "exit 3\n");
      assert.equal((await getConsul({ PATH: bin })).source, "cache");

      await publishTool(publisher, "pulumi", { pulumi: script(versions.pulumi) });
      await writeProgram(path.join(bin, "pulumi"), plain(versions.pulumi, log));
      const pulumi = () => getTool("pulumi", { progress, baseUrl: publisher.url, environment: { PATH: bin } });
      assert.equal((await pulumi()).source, "release");
      await writeProgram(path.join(bin, "pulumi-language-nodejs"), "exit 0\n");
      assert.equal((await pulumi()).source, "PATH");
    });

    it("is not for another architecture", async () => {
      await writeProgram(path.join(bin, "consul"), plain(versions.consul, log));
      const attempt = getTool("consul", {
        architecture: foreign,
        progress,
        baseUrl: publisher.url,
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
      const args = ["--import", "tsx", fixture, "fetch", publisher.url, searchPath];
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
      await publishTool(publisher, "consul", { consul }, { manner: "stall" });
      start("");
      await until(async () => publisher.asked.length === 2 && (await scratch.cached()).length === 1);
    };
    const startBuild = async () => {
      const log = path.join(scratch.dir, "go.log");
      const go = `#!/bin/sh\n[ "$1" = version ] && echo go1.26 && exit\necho "$@" > '${log}'\nPATH=/usr/bin:/bin exec sleep 60\n`;
      await writeProgram(path.join(scratch.dir, "bin", "go"), go);
      start(path.join(scratch.dir, "bin"));
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
          assert.deepEqual(await scratch.cached(), []);
        });
      }
    }

    it("leaves no name behind after SIGKILL, and the next run cleans up", async () => {
      await startDownload();
      child.kill("SIGKILL");
      await once(child, "exit");
      assert.equal((await scratch.cached()).filter((name) => !name.startsWith(".unfinished-")).length, 0);
      await publishTool(publisher, "consul", { consul });
      const tool = await getConsul();
      assert.deepEqual(await scratch.cached(), [path.basename(path.dirname(tool.path))]);
    });

    it("leaves another process's unfinished work alone", async () => {
      await startDownload();
      const [unfinished = ""] = await scratch.cached();
      await publishTool(publisher, "consul", { consul });
      await getConsul();
      assert.ok((await scratch.cached()).includes(unfinished));
    });
  });
});

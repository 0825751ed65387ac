import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { consul, fakeGo, foreign, nowhere, refusal, toolFixture } from "./fixture.ts";
import { publishTool, startPublisher, writeProgram } from "./publisher.ts";

describe("getting a tool", function () {
  this.timeout(20_000);
  const at = toolFixture();

  describe("where the release can't be had", () => {
    let bin: string;
    let log: string;
    beforeEach(async () => {
      bin = path.join(at.scratch.dir, "bin");
      log = path.join(at.scratch.dir, "go.log");
      await writeProgram(path.join(bin, "go"), fakeGo(log));
    });

    it("builds it from its Go module after a cut connection, and says why", async () => {
      await publishTool(at.publisher, "consul", { consul }, { manner: "cut" });
      const tool = await at.getConsul({ PATH: bin });
      assert.equal(tool.source, "built");
      assert.match(at.progress.lines.at(-1) ?? "", /built from its Go module, 127\.0\.0\.1:\d+ can't be reached/);
      assert.deepEqual(await at.scratch.cached(), [path.basename(path.dirname(tool.path))]);
      assert.deepEqual((await readdir(path.dirname(tool.path))).sort(), ["consul", "tool.json"]);
    });

    it("builds it after a 404", async () => {
      assert.equal((await at.getConsul({ PATH: bin })).source, "built");
      assert.match(at.progress.lines.at(-1) ?? "", /answers 404/);
    });

    it("builds it when nothing listens there", async () => {
      await at.publisher.close();
      assert.equal((await at.getConsul({ PATH: bin })).source, "built");
      at.publisher = await startPublisher();
    });

    it("keeps the user's Go settings out of the outcome, and the proxy settings in", async () => {
      await at.getConsul({ PATH: bin, GOFLAGS: "-mod=vendor", GOARCH: "mips", GOPROXY: "https://proxy.example.org" });
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
          progress: at.progress,
          publisher: at.publisher,
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
        await publishTool(at.publisher, "consul", { consul: program }, { architecture: "armel" });
        const tool = await getTool("consul", {
          architecture: "armel",
          progress: at.progress,
          publisher: at.publisher,
          environment: { PATH: bin },
        });
        assert.equal(tool.source, "built");
        assert.match(await readFile(tool.path, "utf8"), /echo v1\.22\.2/);
        assert.ok(at.progress.lines.at(-1)?.endsWith(`consul_1.22.2_linux_arm.zip is for ${kind}, not for ARMv6`));
        await rm(path.dirname(tool.path), { recursive: true });
      }
    });

    it("names only ways out that help a board", async () => {
      await publishTool(at.publisher, "consul", { consul: "build\tGOARM=7\n" }, { architecture: "armel" });
      const attempt = getTool("consul", {
        architecture: "armel",
        progress: at.progress,
        publisher: at.publisher,
        environment: nowhere,
      });
      await refusal(
        attempt,
        /is for ARMv7, not for ARMv6, and there is no Go on PATH[^\n]*\nThis helps:\n {2}- put Go [^\n]*$/,
      );
      assert.deepEqual(await at.scratch.cached(), []);
    });

    it("gives Go the whole wrapper module, folders too", async () => {
      const backends = path.join(at.scratch.dir, "backends.log");
      const go = fakeGo(log)
        .replace("echo v1.22.2", "echo v1.14.3")
        .replace("shift; done", `shift; done; ls backends > '${backends}'`);
      await writeProgram(path.join(bin, "go"), go);
      await getTool("terraform", { progress: at.progress, publisher: at.publisher, environment: { PATH: bin } });
      assert.match(await readFile(backends, "utf8"), /^consul$/m);
      assert.match(await readFile(log, "utf8"), /-X github\.com\/hashicorp\/terraform\/version\.dev=no /);
    });

    it("names the three ways out when there is no Go", async () => {
      await refusal(
        at.getConsul(),
        "answers 404",
        "no Go on PATH",
        /make 127\.0\.0\.1:\d+ reachable/,
        "put consul 1.22.2 on PATH",
        /put Go/,
      );
      assert.deepEqual(await at.scratch.cached(), []);
    });

    it("names the package of a missing cross-compiler", async function () {
      if (process.platform !== "linux") this.skip();
      const attempt = getTool("nomad", {
        architecture: foreign,
        progress: at.progress,
        publisher: at.publisher,
        environment: { PATH: bin },
      });
      await refusal(attempt, /apt-get install gcc-(aarch64|x86-64)-linux-gnu/);
    });

    it("keeps nothing of a build that failed, and shows its last lines", async () => {
      await writeProgram(
        path.join(bin, "go"),
        `#!/bin/sh\n[ "$1" = version ] && echo go1.26 && exit\necho "no such module" >&2\nexit 1\n`,
      );
      await refusal(at.getConsul({ PATH: bin }), "no such module", "One of these helps");
      assert.deepEqual(await at.scratch.cached(), []);
    });

    it("refuses a Go that is too old to fetch the one that is needed", async () => {
      await writeProgram(path.join(bin, "go"), "#!/bin/sh\necho go version go1.19.8 linux/amd64\n");
      await refusal(at.getConsul({ PATH: bin }), "go1.19.8");
    });
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { projectDir } from "../../../lib/paths.ts";
import { isStandIn, putStandIn, type StandInName, sharedSources } from "../../../toolchain/standins.ts";
import { setEnvironment } from "../../environment.ts";
import { writeProgram } from "./publisher.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

describe("the stand-ins for Pulumi's plugins", function () {
  this.timeout(30_000);
  let scratch: Scratch;
  let program: string;
  beforeEach(async () => {
    scratch = await makeScratch();
    program = path.join(scratch.dir, "pulumi-resource-x");
  });
  afterEach(() => scratch.remove());

  const names: StandInName[] = ["language-nodejs", "command", "consul", "nomad"];
  for (const name of names) {
    it(`start from their bundle, without the sources and the packages beside them: ${name}`, async () => {
      await putStandIn(name, program);
      // Group leader, since a stand-in ends all of its process group.
      const child = spawn(program, ["127.0.0.1:1"], {
        cwd: scratch.dir,
        detached: true,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exited = once(child, "exit");
      try {
        const [port] = await Promise.race([once(createInterface(child.stdout), "line"), exited]);
        assert.match(String(port), /^\d{4,5}$/, "a plugin's first line is the port that it listens on");
      } finally {
        child.kill("SIGKILL");
        await exited;
      }
    });
  }

  it("import nothing from elsewhere whose change would not make them anew", async () => {
    const folder = path.join(projectDir, "toolchain", "offline");
    const files = (await readdir(folder)).filter((file) => file.endsWith(".ts"));
    const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
    const outside = texts.flatMap((text) => [...text.matchAll(/from "(\.\.\/[^"]+)"/g)].map(([, file = ""]) => file));
    for (const file of outside)
      assert.ok(sharedSources.includes(path.relative(projectDir, path.join(folder, file))), file);
  });

  it("are told from official plugins and from nothing", async () => {
    assert.equal(await isStandIn(program), false);
    await writeProgram(program, "\x7fELF");
    assert.equal(await isStandIn(program), false);
    await putStandIn("command", program);
    assert.equal(await isStandIn(program), true);
  });

  it("are put right when the launcher or the bundle was lost", async () => {
    await putStandIn("command", program);
    const launcher = await readFile(program, "utf8");
    const bundle = /exec \S+ (\S+) /.exec(launcher)?.[1] ?? "";
    await rm(bundle);
    await writeProgram(program, "something else");
    await putStandIn("command", program);
    assert.equal(await readFile(program, "utf8"), launcher);
    assert.ok((await readFile(bundle)).length > 0);
  });

  it("are the same through a link to their cache, which may go", async () => {
    await putStandIn("command", program);
    const launcher = await readFile(program, "utf8");
    const linked = path.join(scratch.dir, "linked");
    await mkdir(path.join(linked, "piinit"), { recursive: true });
    const toolchain = ["piinit", "toolchain"];
    await symlink(path.join(scratch.dir, "XDG_CACHE_HOME", ...toolchain), path.join(linked, ...toolchain));
    const restore = setEnvironment({ XDG_CACHE_HOME: linked });
    try {
      await putStandIn("command", program);
    } finally {
      restore();
    }
    assert.equal(await readFile(program, "utf8"), launcher);
  });
});

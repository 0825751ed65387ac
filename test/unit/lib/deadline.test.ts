import assert from "node:assert/strict";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { startDeadline } from "../../../lib/deadline.ts";
import { projectDir } from "../../../lib/paths.ts";
import { type Strangers, startStrangers } from "../cluster/stranger.ts";

const lib = (file: string) => JSON.stringify(pathToFileURL(path.join(projectDir, "lib", file)).href);

/** Runs a module as a program of its own, with the collector of garbage at hand. */
const runModule = (code: string, input = "{}") =>
  execa("node", ["--expose-gc", "--import", "tsx", "--input-type=module", "--eval", code, "program", "verb"], {
    cwd: projectDir,
    input,
    reject: false,
  });

describe("a deadline", function () {
  this.timeout(60_000);

  it("is kept although nothing else keeps the program alive, and garbage is collected all the time", async () => {
    const { stdout, exitCode, stderr } = await runModule(`
      import { startDeadline } from ${lib("deadline.ts")};
      setInterval(() => globalThis.gc(), 5).unref();
      const outer = new AbortController();
      const wait = () => startDeadline(300, outer.signal).race(new Promise(() => {}));
      const ends = await Promise.allSettled([1, 2, 3].map(wait));
      console.log(ends.map(({ reason }) => reason.message).join());
    `);
    assert.equal(exitCode, 0, stderr);
    assert.equal(stdout, "silent for 0.3 s,silent for 0.3 s,silent for 0.3 s");
  });

  it("ends with the outer signal's reason, also when that was aborted before", async () => {
    for (const isBefore of [true, false]) {
      const outer = new AbortController();
      if (isBefore) outer.abort(new Error("^C"));
      const deadline = startDeadline(60_000, outer.signal);
      const work = deadline.race(new Promise(() => {}));
      outer.abort(new Error("^C"));
      await assert.rejects(work, /^Error: \^C$/);
      deadline.end();
    }
  });

  it("gives what the work gives, and is forgotten then", async () => {
    const deadline = startDeadline(60_000);
    assert.equal(await deadline.race(Promise.resolve(5)), 5);
    deadline.end();
    assert.equal(deadline.signal.aborted, true, "what still listens is ended");
  });
});

describe("a question to a server that accepts and never answers", function () {
  this.timeout(60_000);
  let strangers: Strangers;
  afterEach(() => strangers.close());

  it("fails with its reason, with garbage collected all the time", async () => {
    strangers = await startStrangers({ silent: () => {} });
    const { stdout, exitCode, stderr } = await runModule(`
      import { z } from "zod";
      import { askJson } from ${lib("http.ts")};
      setInterval(() => globalThis.gc(), 5).unref();
      const outer = new AbortController();
      const question = { who: "Consul", url: "${strangers.url("silent")}", schema: z.unknown(), timeoutMs: 500 };
      const ends = await Promise.allSettled([1, 2, 3].map(() => askJson({ ...question, signal: outer.signal })));
      console.log(ends.map(({ reason }) => reason.message).join());
    `);
    assert.equal(exitCode, 0, stderr);
    assert.equal(stdout, "silent for 0.5 s,silent for 0.5 s,silent for 0.5 s");
  });
});

describe("a program that can't finish", function () {
  this.timeout(60_000);

  it("says that this is a bug, in place of Node's exit status 13 without a word", async () => {
    const { exitCode, stderr } = await runModule(`
      import { main } from ${lib("program.ts")};
      await main({ verb: () => new Promise(() => {}) });
    `);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^This ended without finishing.*a bug of piinit.*please report/m);
  });

  it("says nothing of the kind when it has finished, or failed", async () => {
    for (const [verb, code] of [
      ["async () => 1", 0],
      ["async () => { throw new Error('no') }", 1],
    ] as const) {
      const { exitCode, stderr } = await runModule(`
        import { main } from ${lib("program.ts")};
        await main({ verb: ${verb} });
      `);
      assert.equal(exitCode, code);
      assert.doesNotMatch(stderr, /bug/);
    }
  });
});

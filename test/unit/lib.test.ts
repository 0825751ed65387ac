import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { UserError } from "../../lib/errors.ts";
import { canonicalJson, digest } from "../../lib/json.ts";
import { run } from "../../lib/run.ts";
import { quoteCommand } from "../../lib/shell.ts";

describe("quoting for a shell", () => {
  it("brings every word through a real shell unchanged", () => {
    const words = ["plain", "", "two words", "it's", "$HOME `id`", "a\nb", "\\", "*", "ä;|&"];
    const command = quoteCommand("printf", ["%s\\0", ...words]);
    assert.deepEqual(execFileSync("sh", ["-c", command]).toString().split("\0").slice(0, -1), words);
  });
});

describe("canonical JSON", () => {
  it("does not depend on the order of keys, but on that of lists", () => {
    assert.equal(canonicalJson({ b: 1, a: { d: 2, c: 3 } }), canonicalJson({ a: { c: 3, d: 2 }, b: 1 }));
    assert.notEqual(digest([1, 2]), digest([2, 1]));
  });
});

describe("running a program", () => {
  it("returns what it prints and passes its input on", async () => {
    assert.equal(await run("cat", [], { input: "hello" }), "hello");
  });

  it("fails with the command, its exit, its last lines and what to do", async () => {
    const failing = run("sh", ["-c", "echo one; echo two >&2; exit 3"], { hint: "try again" });
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^`sh -c 'echo one; .*'` failed with exit code 3\n {2}one\n {2}two\ntry again$/);
      return true;
    });
  });

  it("names a program that is not there", async () => {
    for (const options of [{}, { onLine: () => {} }])
      await assert.rejects(run("no-such-program", [], options), /`no-such-program` could not be started/);
  });

  it("reports each line as it comes", async () => {
    const lines: string[] = [];
    await run("sh", ["-c", "echo a; printf b"], { onLine: (line) => lines.push(line) });
    assert.deepEqual(lines, ["a", "b"]);
  });

  it("keeps letters whole whose bytes come one by one, and lines that are written over apart", async () => {
    const lines: string[] = [];
    const bytes = [...Buffer.from("gr\u00f6\u00dfe\r50 %\r\n\n\u{1f600}")].map((byte) =>
      byte.toString(8).padStart(3, "0"),
    );
    const slowly = bytes.map((byte) => `printf '\\${byte}'; sleep 0.02`).join("\n");
    const output = await run("sh", ["-c", slowly], { onLine: (line) => lines.push(line) });
    assert.deepEqual(lines, ["gr\u00f6\u00dfe", "50 %", "\u{1f600}"]);
    assert.equal(output, "gr\u00f6\u00dfe\r50 %\r\n\n\u{1f600}");
  });

  it("fails with what goes wrong in looking at a line", async () => {
    const onLine = () => {
      throw new Error("stumbled");
    };
    await assert.rejects(run("sh", ["-c", "echo a; echo b"], { onLine }), /stumbled/);
  });

  it("lets it clean up after an interruption, however long that takes", async () => {
    const lines: string[] = [];
    const interrupt = new AbortController();
    const cleanUp = "sleep 6; echo cleaned; exit 1";
    const running = run("sh", ["-c", `trap '${cleanUp}' TERM; echo ready; while :; do sleep 0.1; done`], {
      signal: interrupt.signal,
      cleansUp: true,
      onLine: (line) => lines.push(line) === 1 && interrupt.abort(),
    });
    await assert.rejects(running, /was interrupted/);
    assert.deepEqual(lines, ["ready", "cleaned"]);
  }).timeout(20_000);
});

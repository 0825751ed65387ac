import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";

describe("a command whose output nobody reads any more", () => {
  it("is interrupted in order, without a word of Node's", async () => {
    const script = `
      import { handleSignals, interrupted } from ${JSON.stringify(path.join(projectDir, "lib/terminal.ts"))};
      handleSignals();
      interrupted.addEventListener("abort", () => process.stderr.write("in order\\n"));
      await new Promise((done) => process.stdin.resume().on("end", done));
      process.stdout.write("a line\\n");
      await new Promise((done) => setTimeout(done, 100));
    `;
    // Its input ends once its reader has gone.
    const pipe = '{ sleep 0.5; } | node --import tsx --input-type=module -e "$0" | true';
    const { stderr, exitCode } = await execa("sh", ["-c", pipe, script], { cwd: projectDir, reject: false });
    assert.deepEqual([stderr, exitCode], ["in order", 0]);
  });
});

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { readWork, stackFileOf } from "../../../cli/stack/stack-file.ts";

describe("what a stack's file asks of this machine", () => {
  it("is virtual machines and images of this machine's own architecture, for the lab", async () => {
    assert.deepEqual(await readWork("lab"), { isLab: true, buildsHere: true, emulates: false });
  });

  it("is images of other architectures too, for boards that are no hosts of a build", async () => {
    assert.deepEqual(await readWork("example"), { isLab: false, buildsHere: true, emulates: true });
  });

  it("is told with the stacks that there are when there is no such file", async () => {
    await assert.rejects(
      readWork("exampel"),
      /There is no stack exampel: .*Stacks: .*example.*lab.*; did you mean `example`\?$/,
    );
  });

  for (const [text, reason] of Object.entries({
    "config:\n  a: 1\n  a: 2\n": "Map keys must be unique at line 3, column 3",
    "config: {a: secret word": "Flow map .* at line 1, column 24",
    "config: *nothing\n": "Unresolved alias .*: nothing",
  }))
    it(`is told with the place alone where the file is not YAML: ${JSON.stringify(text)}`, async () => {
      const file = stackFileOf("damaged");
      writeFileSync(file, text);
      try {
        const message = `^UserError: stacks/Pulumi\\.damaged\\.yaml is not YAML: ${reason}\\. Correct it there\\.$`;
        await assert.rejects(readWork("damaged"), new RegExp(message));
      } finally {
        rmSync(file);
      }
    });
});

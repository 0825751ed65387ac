import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type HeldStack, makeHeldStack } from "./held.ts";

const programs = {
  "at once": 'throw new TypeError("on purpose");\n',
  later: `import { output } from "@pulumi/pulumi";
output(1).apply(() => {
  throw new TypeError("on purpose");
});
`,
};

describe("the stack trace of a program that has a fault", function () {
  this.timeout("3m");
  let stack: HeldStack;

  before(async () => {
    stack = await makeHeldStack();
  });
  after(() => stack.remove());

  for (const [when, program] of Object.entries(programs))
    it(`names the source, when it fails ${when}`, async () => {
      writeFileSync(path.join(stack.dir, "index.ts"), program);
      const { output } = await stack.piinit("preview", "held");
      const line = program.split("\n").findIndex((text) => text.includes("throw")) + 1;
      assert.match(output, new RegExp(`TypeError: on purpose\\n.* at .*/index\\.ts:${line}:\\d+`));
    });
});

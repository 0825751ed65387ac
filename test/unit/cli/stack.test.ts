import assert from "node:assert/strict";
import { readWork } from "../../../cli/stack/stack-file.ts";

describe("what a stack's file asks of this machine", () => {
  it("is virtual machines and images of this machine's own architecture, for the lab", async () => {
    assert.deepEqual(await readWork("lab"), { isLab: true, buildsHere: true, emulates: false });
  });

  it("is images of other architectures too, for boards that are no hosts of a build", async () => {
    assert.deepEqual(await readWork("home"), { isLab: false, buildsHere: true, emulates: true });
  });

  it("is told with the stacks that there are when there is no such file", async () => {
    await assert.rejects(readWork("hoem"), /There is no stack hoem: .*Stacks: .*home.*lab.*; did you mean `home`\?$/);
  });
});

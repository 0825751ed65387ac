import assert from "node:assert/strict";
import { partOf, withPart } from "../../../cli/stack/part.ts";
import type { StackState, StateResource } from "../../../cli/stack/state.ts";

const of = (...resources: StateResource[]): StackState => ({ deployment: { resources } });
const resource = (urn: string, more: Partial<StateResource> = {}): StateResource => ({ urn, type: "step", ...more });
const root = resource("root", { type: "pulumi:pulumi:Stack", outputs: { machines: 3 } });
const names = ({ deployment }: StackState) => deployment.resources?.map(({ urn }) => urn);

describe("a part of a stack's state", () => {
  const whole = of(
    root,
    resource("provider"),
    resource("secrets", { parent: "root" }),
    resource("key", { parent: "secrets", provider: "provider::id" }),
    resource("image", { dependencies: ["key"] }),
    resource("machine", { dependencies: ["image"], deletedWith: "root" }),
    resource("job", { dependencies: ["machine"] }),
  );

  it("has what was asked for, and all that it needs, in the same order", () => {
    assert.deepEqual(names(partOf(whole, (urn) => urn === "image")), ["root", "provider", "secrets", "key", "image"]);
    assert.deepEqual(names(partOf(whole, () => false)), ["root"]);
    assert.deepEqual(names(partOf(of(), () => true)), []);
  });

  it("takes its place again when it was updated, before all that needs it", () => {
    const part = of(
      { ...root, outputs: {} },
      resource("provider"),
      resource("secrets"),
      resource("more"),
      resource("key", { outputs: { stdout: "new" } }),
      resource("image"),
    );
    const after = withPart(whole, part);
    assert.deepEqual(names(after), ["root", "provider", "secrets", "more", "key", "image", "machine", "job"]);
    assert.deepEqual(after.deployment.resources?.[0], root);
    assert.deepEqual(after.deployment.resources?.[4]?.outputs, { stdout: "new" });
  });

  it("is the whole of a stack that had nothing", () => {
    assert.deepEqual(names(withPart(of(), of(root, resource("key")))), ["root", "key"]);
  });
});

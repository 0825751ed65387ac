import assert from "node:assert/strict";
import {
  canonical,
  changedProperties,
  containsSecret,
  containsUnknown,
  reveal,
  secret,
  unknown,
  withSecrecyOf,
} from "../../../../toolchain/offline/values.ts";

describe("property values with marks", () => {
  it("are revealed at every depth", () => {
    assert.deepEqual(reveal({ a: secret([1, secret("b")]), c: null }), { a: [1, "b"], c: null });
  });

  it("tell whether they hold a secret or an unknown value anywhere", () => {
    assert.equal(containsSecret({ a: [{ b: secret("c") }] }), true);
    assert.equal(containsSecret({ a: [{ b: "c" }] }), false);
    assert.equal(containsUnknown({ a: secret({ b: [unknown] }) }), true);
    assert.equal(containsUnknown({ a: "b" }), false);
  });

  it("take over the secrecy of other values at the same places", () => {
    const old = { keys: [{ value: secret("a") }, { value: "b" }] };
    assert.deepEqual(withSecrecyOf(old, { keys: [{ value: "c" }, { value: "d" }] }), {
      keys: [{ value: secret("c") }, { value: "d" }],
    });
    assert.deepEqual(withSecrecyOf(secret({ a: 1 }), { a: 2 }), secret({ a: 2 }));
  });

  it("are equal whatever the order of their names, and without what Pulumi's bridge notes for itself", () => {
    assert.equal(canonical({ a: 1, b: [null], __defaults: ["x"] }), canonical({ b: [null], a: 1, c: null }));
    assert.notEqual(canonical({ a: "1" }), canonical({ a: 1 }));
    assert.notEqual(canonical([1, 2]), canonical([2, 1]));
  });

  it("differ in the properties that were added, changed, dropped or made secret", () => {
    const olds = { same: 1, changed: 1, dropped: 1, hidden: "x", none: null };
    const news = { same: 1, changed: 2, added: 1, hidden: secret("x") };
    assert.deepEqual(changedProperties(olds, news), ["added", "changed", "dropped", "hidden"]);
  });
});

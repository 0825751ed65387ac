import assert from "node:assert/strict";
import { inspect } from "node:util";
import { reportingFaults } from "../../../components/config.ts";
import { UserError } from "../../../lib/errors.ts";

describe("a fault that Pulumi reports", () => {
  it("has no stack, which Pulumi would format for long without showing it", () => {
    let thrown: unknown;
    try {
      reportingFaults(() => {
        throw new UserError("The settings can't be used");
      });
    } catch (error) {
      thrown = error;
    }
    assert.ok(thrown instanceof Error);
    assert.equal(thrown.message, "The settings can't be used");
    assert.doesNotMatch(inspect(thrown), /^\s+at /m);
  });
});

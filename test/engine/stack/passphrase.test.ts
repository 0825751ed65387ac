import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";

describe("a stack's file whose secrets have another passphrase", function () {
  this.timeout(600_000);
  let checkout: Checkout;

  before(async () => {
    checkout = await makeCheckout();
  });
  after(() => checkout?.remove());

  it("is refused with the way to go on, and stays as it is", async () => {
    const salt = "encryptionsalt: v1:xgxwIXxk8QM=:v1:/1+CeNLdud8Y8V+6:mwMrey7KDFw+1713Pwrla+6lvB0QIg==\n";
    checkout.edit("lab", (text) => text + salt);
    const file = path.join(checkout.dir, "stacks/Pulumi.lab.yaml");
    const before = readFileSync(file, "utf8");
    for (const args of [["up"], ["secret", "kv.q", "lab"]]) {
      const { exitCode, output } = await checkout.piinit(...args);
      assert.equal(exitCode, 1, output);
      assert.match(output, /^The passphrase here \(.*passphrase\) isn't that of stack lab's secrets\. Copy /m);
      assert.equal(readFileSync(file, "utf8"), before);
    }
  });
});

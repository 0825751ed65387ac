import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { stackSettings } from "./held.ts";

/** The builder can't be reached, so nothing is ever built. */
describe("an image's packages of today", function () {
  this.timeout(120_000);
  let checkout: Checkout;
  const file = () => path.join(checkout.dir, "stacks/Pulumi.house.yaml");
  const text = () => readFileSync(file(), "utf8");
  const withBase = (base: string) => stackSettings.replace("{board: pi3, ", `{board: pi3, base: ${base}, `);

  before(async () => {
    checkout = await makeCheckout();
  });
  after(() => checkout?.remove());

  async function fails(reason: RegExp, ...args: string[]): Promise<void> {
    const { exitCode, output } = await checkout.piinit("build", ...args);
    assert.equal(exitCode, 1, output);
    assert.match(output, reason);
    assert.doesNotMatch(output, /^ +at /m);
  }

  it("are refused for an image that isn't there, and for one with packages of its own, before anything is written", async () => {
    writeFileSync(file(), stackSettings);
    await fails(/has no image sever.*server/, "sever", "house", "--refresh");
    writeFileSync(file(), withBase(`{image: base.img, sha256: ${"ab".repeat(32)}}`));
    await fails(/images\.server\.base is an existing image/, "server", "house", "--refresh");
    writeFileSync(file(), withBase("{snapshot: 'http://snapshots.example/ARCHIVE/20260801T000000Z'}"));
    await fails(/images\.server\.base\.snapshot says of which day/, "server", "house", "--refresh");
    assert.doesNotMatch(text(), /refreshed/);
  });

  it("are a setting, which stays when the build fails, and which the next one takes", async () => {
    writeFileSync(file(), stackSettings);
    await fails(
      /piinit:refreshed is 20.*Z now, in stacks\/Pulumi\.house\.yaml[\s\S]*127\.0\.0\.1/,
      "server",
      "house",
      "--refresh",
    );
    assert.match(text(), /^ {2}piinit:refreshed: ["']?20\d\d-\d\d-\d\dT\d\d:\d\dZ["']?$/m);
    await fails(/127\.0\.0\.1/, "server", "house");
  });
});

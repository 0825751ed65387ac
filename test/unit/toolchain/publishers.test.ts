import assert from "node:assert/strict";
import { getTool } from "../../../toolchain/tools.ts";
import { tools, versions } from "../../../toolchain/versions.ts";
import { consul, nowhere, refusal, toolFixture } from "./fixture.ts";
import { publishTool } from "./publisher.ts";
import { makeSigner, testSigner } from "./signer.ts";

describe("a publisher's release", function () {
  this.timeout(20_000);
  const at = toolFixture();

  it("refuses a list of sums that another key has signed, or that was changed since", async () => {
    await publishTool(at.publisher, "consul", { consul }, { signer: await makeSigner() });
    await refusal(at.getConsul(), /SHA256SUMS isn't signed by Test Publisher \([0-9A-F]{40}\)/);
    const { key, sign } = await testSigner();
    await publishTool(at.publisher, "consul", { consul }, { signer: { key, sign: (sums) => sign(`${sums}\n`) } });
    await refusal(at.getConsul(), /SHA256SUMS isn't signed by Test Publisher/);
    assert.deepEqual(await at.scratch.cached(), []);
  });

  it("refuses a list of sums whose signature is rubbish, and one without any", async () => {
    const signature = `${tools.consul.release.sums(versions.consul)}.sig`;
    await publishTool(at.publisher, "consul", { consul });
    for (const rubbish of ["", "<html>Please sign in</html>", "\xff".repeat(300)]) {
      at.publisher.publish(signature, rubbish);
      await refusal(at.getConsul(), /SHA256SUMS isn't signed by Test Publisher/);
    }
    at.publisher.withdraw(signature);
    await refusal(at.getConsul(), /can't be had: 127\.0\.0\.1:\d+ answers 404 for http\S+SHA256SUMS\.sig/);
  });

  it("refuses a signature of a key that has expired, and says what to do", async () => {
    const signer = await makeSigner({ life: 60, from: new Date("2026-01-02") });
    const publisher = { ...at.publisher, key: signer.key };
    await publishTool(at.publisher, "consul", { consul }, { signer });
    const attempt = getTool("consul", { progress: at.progress, publisher, environment: nowhere });
    await refusal(attempt, /key [0-9A-F]{40}, .* expired on 2026-01-02/, /update piinit.*https:\/\/publisher\.invalid/);
  });

  it("refuses what the publisher has changed since its sum became known here", async () => {
    const known = "cd".repeat(32);
    const { sum, name } = await publishTool(at.publisher, "consul", { consul });
    const publisher = { ...at.publisher, sums: { [name]: known } };
    await refusal(getTool("consul", { progress: at.progress, publisher, environment: nowhere }), known, sum);
    assert.equal((await at.getConsul()).source, "release");
  });
});

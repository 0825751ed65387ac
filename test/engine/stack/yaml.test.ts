import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout, type Outcome } from "../../e2e/checkout.ts";

describe("values that YAML alters, under the real engine", function () {
  this.timeout(600_000);
  let checkout: Checkout;
  let asItComes: string;

  before(async () => {
    checkout = await makeCheckout();
    asItComes = stackFile();
  });
  after(() => checkout?.remove());

  const kv = [
    ["a", "1.10", "1.1"],
    ["b", "0755", "493"],
    ["c", "00042", "34"],
    ["d", "9007199254740993", "9007199254740992"],
    ["e", "2024-01-02", "2024-01-02 00:00:00 +0000 UTC"],
    ["f", "1e3", "1000"],
    ["g", "1_000", "1000"],
    ["h", "0x1F", "31"],
    ["i", "True", "true"],
  ] as const;
  const kept = "r: yes, s: on, t: 12:30:45, u: 12:34:56:78:90:12, v: 1.5, w: 7, x: '1.10', y: true";

  const stackFile = () => readFileSync(path.join(checkout.dir, "stacks", "Pulumi.lab.yaml"), "utf8");
  const spoil = (text: string) =>
    text
      .replace(
        "  piinit:kv:",
        `  piinit:kv: {${kv.map(([key, source]) => `${key}: ${source}`).join(", ")}, ${kept}}\n  other:kv:`,
      )
      .replace("cron: '*/15 * * * *'", "cron: 2024-1-2")
      .replace("piinit:wait: 15m", "piinit:wait: 010");

  /** `read` is how Pulumi shows it: a day is told in another form before Pulumi has read it. */
  function assertRefused({ exitCode, output }: Outcome, read: (value: string) => string = (value) => value): void {
    assert.notEqual(exitCode, 0, output);
    for (const [key, source, value] of kv) {
      const line = `piinit:kv.${key}  ${source} must be in quotes in the file, "${source}": YAML reads it as ${read(value)}`;
      assert.ok(output.includes(line), `${line}\n${output}`);
    }
    assert.match(output, /piinit:jobs\.heartbeat\.vars\.cron {2}2024-1-2 must be in quotes/);
    assert.match(output, /piinit:wait {2}010 must be in quotes in the file, "010": YAML reads it as 8/);
    assert.doesNotMatch(output, /piinit:kv\.[r-y] /);
  }

  it("are refused before Pulumi writes the file anew", async () => {
    checkout.edit("lab", spoil);
    const before = stackFile();
    for (const args of [["up"], ["secret", "kv.q", "lab"]])
      assertRefused(await checkout.piinit(...args), (value) => value.replace(/^(2024-01-02) .*/, "$1T00:00:00.000Z"));
    assert.equal(stackFile(), before);
  });

  it("are refused by the program, too, whoever runs it", async () => {
    checkout.edit("lab", () => asItComes);
    const made = await checkout.piinit("secret", "kv.q", "lab");
    assert.equal(made.exitCode, 0, made.output);
    checkout.edit("lab", spoil);
    assertRefused(await checkout.pulumi("pulumi preview --stack lab"));
  });
});

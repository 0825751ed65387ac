import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";

/** Stands for npm: links the modules that `npm ci` would install, by the lock file's own marks. */
const npm = (modules: string, log: string) => `#!${process.execPath}
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(" ") + "\\n");
rmSync("node_modules", { recursive: true, force: true });
const all = process.env.NODE_ENV !== "production" || process.argv.includes("--include=dev");
for (const [name, { dev }] of Object.entries(JSON.parse(readFileSync("package-lock.json", "utf8")).packages)) {
  const source = join(${JSON.stringify(modules)}, "..", name);
  if (!/^node_modules\\/(@[^/]+\\/)?[^/]+$/.test(name) || (dev && !all) || !existsSync(source)) continue;
  mkdirSync(dirname(name), { recursive: true });
  symlinkSync(source, name);
}
`;

describe("the launcher, where development packages are left out", function () {
  this.timeout("1m");
  let checkout: Checkout;
  const file = (name: string) => path.join(checkout.dir, name);
  const installed = () => readFileSync(file("npm.log"), "utf8").split("\n").filter(Boolean);

  before(async () => {
    checkout = await makeCheckout();
    rmSync(file("node_modules"));
    mkdirSync(file("bin"));
    writeFileSync(file("bin/npm"), npm(path.join(projectDir, "node_modules"), file("npm.log")));
    chmodSync(file("bin/npm"), 0o755);
    Object.assign(checkout.env, { NODE_ENV: "production", PATH: `${file("bin")}:${process.env.PATH}` });
  });
  after(() => checkout.remove());

  it("starts every command without them, and installs once", async () => {
    for (const args of [["--help"], ["up", "--help"]]) {
      const { exitCode, output } = await checkout.piinit(...args);
      assert.equal(exitCode, 0, output);
    }
    assert.equal(installed().length, 1);
    assert.ok(!existsSync(file("node_modules/mocha")));
  });

  it("installs them too for the tests, which need them", async () => {
    const { exitCode, output } = await checkout.piinit("test", "--help");
    assert.equal(exitCode, 0, output);
    assert.match(installed().at(-1) ?? "", /--include=dev/);
    assert.ok(existsSync(file("node_modules/mocha")));
    await checkout.piinit("--help");
    assert.equal(installed().length, 2);
  });
});

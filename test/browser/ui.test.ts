import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { minutes, untilDefined } from "../e2e/asking.ts";
import { type Checkout, makeCheckout, succeeded } from "../e2e/checkout.ts";

describe("the pages that ./piinit ui opens", function () {
  this.timeout(35 * minutes);
  let home: Checkout;
  let profile: string;
  let ui: ChildProcess;
  let printed = "";

  before(async () => {
    home = await makeCheckout();
    profile = mkdtempSync(path.join(tmpdir(), "piinit-browser-"));
    succeeded(await home.piinit("up"));
    ui = spawn("./piinit", ["ui"], { cwd: home.dir, env: { ...process.env, ...home.env } });
    ui.stdout?.on("data", (data) => {
      printed += data;
    });
    await untilDefined(async () => (/^Nomad /m.test(printed) ? true : undefined));
  });
  after(async () => {
    if (ui?.kill("SIGINT")) await once(ui, "exit");
    await home?.piinit("destroy");
    home?.remove();
    rmSync(profile, { recursive: true, force: true });
  });

  const linkTo = (agent: string) => new RegExp(`^${agent} +(\\S+)$`, "m").exec(printed)?.[1] ?? assert.fail(printed);

  /** The text of a page when its program has run, for a browser of that name. */
  async function read(url: string, browser: string): Promise<string> {
    const headless = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${path.join(profile, browser)}`];
    const { stdout } = await execa("chromium", [...headless, "--virtual-time-budget=20000", "--dump-dom", url]);
    return stdout.replace(/<(script|style)\b.*?<\/\1>/gs, " ").replace(/<[^>]*>/g, " ");
  }

  it("show Consul's services to who was given the link, signed in", async () => {
    const page = await read(linkTo("Consul"), "owner");
    assert.match(page, /node-exporter/);
    assert.match(page, /\bpage\b/);
    assert.doesNotMatch(page, /Log in|not authorized/i);
  });

  it("keep the browser signed in", async () => {
    const { origin } = new URL(linkTo("Consul"));
    assert.match(await read(`${origin}/ui/home/nodes`, "owner"), /pi1\b.*pi2\b.*pi3\b/s);
  });

  it("show nothing to a browser that was given none", async () => {
    const { origin } = new URL(linkTo("Consul"));
    const page = await read(`${origin}/ui/`, "stranger");
    assert.match(page, /Open the link that \.\/piinit ui has printed/);
    assert.doesNotMatch(page, /node-exporter/);
  });

  it("show Nomad's jobs, where its program has pages", async function () {
    const page = await read(linkTo("Nomad"), "owner");
    // A program that was built from its Go module has none.
    if (/Nomad UI is not available/.test(page)) return this.skip();
    assert.match(page, /heartbeat/);
  });
});

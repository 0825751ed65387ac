import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findOnPath } from "../../lib/host.ts";
import { minutes, untilDefined } from "../e2e/asking.ts";
import { type Checkout, makeCheckout, succeeded } from "../e2e/checkout.ts";

describe("the pages that ./piinit ui opens", function () {
  this.timeout(35 * minutes);
  let home: Checkout;
  let browser: Browser;
  let owner: BrowserContext;
  let ui: ChildProcess;
  let printed = "";

  before(async () => {
    browser = await chromium.launch({ executablePath: (await findOnPath("chromium", process.env)) ?? "chromium" });
    owner = await browser.newContext();
    home = await makeCheckout();
    succeeded(await home.piinit("up"));
    ui = spawn("./piinit", ["ui"], { cwd: home.dir, env: { ...process.env, ...home.env } });
    ui.stdout?.on("data", (data) => {
      printed += data;
    });
    await untilDefined(async () => (/^Nomad /m.test(printed) ? true : undefined));
  });
  after(async () => {
    await browser?.close();
    if (ui?.kill("SIGINT")) await once(ui, "exit");
    await home?.piinit("destroy");
    home?.remove();
  });

  const linkTo = (agent: string) => new RegExp(`^${agent} +(\\S+)$`, "m").exec(printed)?.[1] ?? assert.fail(printed);

  const pageOf = async (visitor: BrowserContext, url: string): Promise<Page> => {
    const page = await visitor.newPage();
    await page.goto(url);
    return page;
  };
  /** The text of a page, once `sign` is in it. */
  async function textOf(page: Page, sign: RegExp): Promise<string> {
    await page.getByText(sign).first().waitFor();
    return page.innerText("body");
  }

  it("show Consul's services to who was given the link, signed in", async () => {
    const text = await textOf(await pageOf(owner, linkTo("Consul")), /node-exporter/);
    assert.match(text, /\bpage\b/);
    assert.doesNotMatch(text, /Log in|not authorized/i);
  });

  it("keep the browser signed in", async () => {
    const { origin } = new URL(linkTo("Consul"));
    assert.match(await textOf(await pageOf(owner, `${origin}/ui/home/nodes`), /pi3/), /pi1\b.*pi2\b.*pi3\b/s);
  });

  it("show nothing to a browser that was given none", async () => {
    const { origin } = new URL(linkTo("Consul"));
    const page = await pageOf(await browser.newContext(), `${origin}/ui/`);
    assert.doesNotMatch(await textOf(page, /Open the link that \.\/piinit ui has printed/), /node-exporter/);
  });

  it("show Nomad's jobs, where its program has pages", async function () {
    const page = await pageOf(owner, linkTo("Nomad"));
    // A program that was built from its Go module has none.
    if (/Nomad UI is not available/.test(await page.content())) return this.skip();
    await textOf(page, /heartbeat/);
  });
});

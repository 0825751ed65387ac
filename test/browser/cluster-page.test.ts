import assert from "node:assert/strict";
import { type Browser, chromium } from "playwright-core";
import { findOnPath } from "../../lib/host.ts";
import { servers } from "../engine/monitor/metrics.ts";
import { type PageHome, type State, startPageHome, states } from "../engine/monitor/page-home.ts";

describe("the cluster's page in a browser", function () {
  this.timeout("3m");
  let browser: Browser;
  let home: PageHome;

  before(async () => {
    browser = await chromium.launch({ executablePath: (await findOnPath("chromium", process.env)) ?? "chromium" });
    home = await startPageHome();
  });
  after(async () => {
    await browser?.close();
    await home?.stop();
  });

  /** It, with the addresses that it asked. */
  async function open(options: Parameters<Browser["newPage"]>[0] = {}) {
    const page = await browser.newPage(options);
    const asked = new Set<string>();
    page.on("request", (request) => asked.add(new URL(request.url()).origin));
    await page.goto(home.url);
    return { page, asked };
  }

  for (const [name, state] of Object.entries<State>(states))
    it(`shows a home that is ${name}`, async () => {
      const { answering, says } = state;
      await home.show(state);
      const { page, asked } = await open();
      await page.getByText(says).waitFor();
      for (const machine of servers) {
        const row = page.getByRole("row", { name: machine });
        assert.match(await row.innerText(), answering.includes(machine) ? /\bon\b/ : /does not answer/);
      }
      assert.deepEqual(
        [...asked].filter((origin) => origin !== new URL(home.url).origin && origin !== "null"),
        [],
      );
      await page.close();
    });

  it("fits a phone, where its rows are still a table's to who listens", async () => {
    await home.show(states.healthy);
    const { page } = await open({ viewport: { width: 360, height: 740 } });
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
    assert.equal(await page.getByRole("table").count(), 2);
    assert.ok((await page.getByRole("cell").count()) > 20);
    await page.close();
  });

  for (const colorScheme of ["light", "dark"] as const)
    it(`has enough contrast in ${colorScheme}`, async () => {
      const { page } = await open({ colorScheme });
      const ratios = await page.evaluate<number[]>(contrasts);
      assert.ok(ratios.length > 10);
      assert.ok(Math.min(...ratios) >= 4.5, JSON.stringify(ratios));
      await page.close();
    });
});

/** The contrast of each text to the page, as WCAG counts it; in the browser's words. */
const contrasts = `(() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const luminance = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const back = luminance(matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "white");
  return [...document.querySelectorAll("main *")].map((element) => {
    const front = luminance(getComputedStyle(element).color);
    return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  });
})()`;

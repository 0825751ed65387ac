import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { findOnPath } from "../../lib/host.ts";
import { projectDir } from "../../lib/paths.ts";
import { type State, startPageHome, states } from "../engine/monitor/page-home.ts";

/** `npm run pictures`: the documentation's pictures of the cluster's page, as Chromium shows it of a Prometheus with a test's measurements. */
const folder = path.join(projectDir, "docs", "pictures");
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: (await findOnPath("chromium", process.env)) ?? "chromium" });
const home = await startPageHome();
try {
  // The processors' load is that of two minutes.
  await stay(states.healthy, 125);
  for (const [name, state] of Object.entries<State>(states)) {
    // Some alerts come later than others.
    await stay(state, 12);
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 800, height: 100 } });
      await page.goto(home.url);
      const file = path.join(folder, `cluster-${name.replaceAll(" ", "-")}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage: true });
      await page.close();
      process.stdout.write(`${file}\n`);
    }
  }
} finally {
  await home.stop();
  await browser.close();
}

async function stay(state: State, seconds: number): Promise<void> {
  for (const start = Date.now(); Date.now() < start + seconds * 1000; await sleep(500)) await home.show(state);
}

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { projectDir } from "../../lib/paths.ts";
import { finishOrReport } from "../../lib/unfinished.ts";
import { benchBurning } from "./burn.ts";
import { benchHome } from "./home.ts";
import { benchImages } from "./images.ts";
import { benchLab } from "./lab.ts";
import { benchRouters } from "./routers.ts";
import { benchSecurity } from "./security.ts";

/** Each measures one part, on an otherwise idle machine, and returns Markdown. */
const benches: Record<string, () => Promise<string>> = {
  burn: benchBurning,
  home: benchHome,
  images: benchImages,
  lab: benchLab,
  routers: benchRouters,
  security: benchSecurity,
};

const folder = path.join(projectDir, "docs", "bench");

/** Measures what is named, or all of it; each result is printed and written to docs/bench/NAME.md. */
async function main(named: string[]): Promise<void> {
  const unknown = named.filter((name) => !(name in benches));
  if (unknown.length > 0)
    throw new Error(`no bench ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`);
  mkdirSync(folder, { recursive: true });
  for (const [name, bench] of Object.entries(benches)) {
    if (named.length > 0 && !named.includes(name)) continue;
    const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim()})`;
    const text = `# Measured by \`npm run bench -- ${name}\`\n\n${machine}. ${await bench()}`;
    process.stdout.write(`${text}\n`);
    writeFileSync(path.join(folder, `${name}.md`), text);
  }
}

await finishOrReport(main(process.argv.slice(2)));

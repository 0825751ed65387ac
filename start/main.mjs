/**
 * `node start/main.mjs cli/main.ts ARGUMENTS` runs a program of ours; without any, it only checks the version of Node. Any Node can
 * read this file, because nothing newer is in it.
 */
import { readFileSync } from "node:fs";

const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const wanted = engines.node.replace(">=", "");

/** @param {string} version */
const partsOf = (version) => version.split(".").map(Number);

function isTooOld() {
  const [a = 0, b = 0] = partsOf(process.versions.node);
  const [c = 0, d = 0] = partsOf(wanted);
  return a < c || (a === c && b < d);
}

async function main() {
  const [, , program] = process.argv;
  if (isTooOld()) {
    console.error(`piinit needs Node.js ${wanted} or newer on PATH, not ${process.versions.node}: https://nodejs.org/`);
    process.exitCode = 1;
  } else if (program) {
    // Stack traces name the sources.
    process.setSourceMapsEnabled(true);
    // What Node itself does when it starts a program.
    process.argv.splice(1, 2, program);
    const { load } = await import("./load.mjs");
    await load(program);
  }
}

main();

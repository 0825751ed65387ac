import assert from "node:assert/strict";
import { whyNoDebianRoot } from "../debian-root.ts";
import { type PageHome, type State, startPageHome, states } from "./page-home.ts";

describe("the cluster's page", function () {
  this.timeout("3m");
  let home: PageHome;

  before(async function () {
    if (await whyNoDebianRoot()) return this.skip();
    home = await startPageHome();
  });
  after(() => home?.stop());

  /** As it is read: one line for each block. */
  async function shown(state: State, ...more: RegExp[]): Promise<string> {
    await home.show(state, ...more);
    const main = /<main>([\s\S]*)<\/main>/.exec(await home.read())?.[1] ?? "";
    const spoken = main.replace(/\n/g, " ").replace(/<\/(?:p|h2|li|tr|ul)>/g, "\n");
    return spoken
      .replace(/<\/t[hd]>/g, " | ")
      .replace(/<[^>]+>/g, "")
      .replace(/ +/g, " ")
      .replace(/^ | $/gm, "");
  }

  it("says that all is well, and who does what", async () => {
    const text = await shown(states.healthy, /(?:"CPU">\d+ %[\s\S]*){3}/);
    assert.match(text, /^All is well\.$/m);
    assert.match(text, /^Consul: 3 of 3 servers answer, led by pi1; it can lose 1\.$/m);
    assert.match(text, /^Nomad: 3 of 3 servers answer, led by pi1; it can lose 1\.$/m);
    assert.match(text, /^pi2 \| on \| \d+ % \| 50 % \| 80 % \| 51 °C \| 2d 0h 0m \d+s \|$/m);
    assert.match(text, /^page \| 1 running \| – \|$/m);
    assert.match(text, /^night \| runs now and then \| 2026-11-28 03:00 UTC \|$/m);
  });

  it("says what is wrong, and what helps, with one machine gone", async () => {
    const text = await shown(states.degraded, /pi1 does not answer\./, /Nomad has just enough/);
    assert.match(text, /^\d things need you$/m);
    assert.match(text, /^pi1 does not answer\. See whether it has power/m);
    assert.match(text, /^Consul: 2 of 3 servers answer, led by pi2; it can lose none\.$/m);
    assert.match(text, /^pi1 \| does not answer \| – \| – \| – \| – \| – \|$/m);
    assert.match(text, /^page \| waits for a machine \| – \|$/m);
  });

  it("says that there is no quorum", async () => {
    const text = await shown(states["without a quorum"], /Nomad has no leader/);
    assert.match(text, /^Consul: 1 of 3 servers answer, and none leads\.$/m);
  });

  it("takes names for words, and asks nobody else", async () => {
    await shown(states.healthy);
    const page = await home.read();
    assert.match(page, /<th role="rowheader" scope="row">tea&amp;cake<\/th>/);
    assert.doesNotMatch(page, /(?:src|href)="(?!\/|data:)|url\(|@import/);
  });
});

import assert from "node:assert/strict";
import { home, imageWith } from "../../unit/image/roles/fixture.ts";
import { until } from "../agents.ts";
import { whyNoDebianRoot } from "../debian-root.ts";
import { jobs, servers, tell } from "./metrics.ts";
import { type Monitor, startMonitor } from "./monitor.ts";

describe("the cluster's page", function () {
  this.timeout("3m");
  let monitor: Monitor;

  before(async function () {
    if (await whyNoDebianRoot()) return this.skip();
    const machines = home.machines.filter(({ name }) => servers.some((one) => one === name));
    monitor = await startMonitor(imageWith({ prometheus: true }, { context: { ...home, machines } }), jobs, servers);
  });
  after(() => monitor?.stop());

  const fetched = async () => (await fetch(`${monitor.url}/consoles/cluster.html`)).text();
  /** As it is read: one line for each block. */
  async function read(): Promise<string> {
    const main = /<main>([\s\S]*)<\/main>/.exec(await fetched())?.[1] ?? "";
    const spoken = main.replace(/\n/g, " ").replace(/<\/(?:p|h2|li|tr|ul)>/g, "\n");
    return spoken
      .replace(/<\/t[hd]>/g, " | ")
      .replace(/<[^>]+>/g, "")
      .replace(/ +/g, " ")
      .replace(/^ | $/gm, "");
  }
  async function shows(answering: readonly string[], ...signs: RegExp[]): Promise<string> {
    let text = "";
    await until(`${signs}`, async () => {
      tell(monitor, answering);
      text = await read().catch(() => "");
      return signs.every((sign) => sign.test(text));
    }).catch((error) => assert.fail(`${error}\n${text}`));
    return text;
  }

  it("says that all is well, and who does what", async () => {
    const text = await shows(["pi1", "pi2", "pi3"], /pi2 \| on \| \d+ %/, /^All is well\.$/m);
    assert.match(text, /^Consul: 3 of 3 servers answer, led by pi1; it can lose 1\.$/m);
    assert.match(text, /^Nomad: 3 of 3 servers answer, led by pi1; it can lose 1\.$/m);
    assert.match(text, /^pi2 \| on \| \d+ % \| 50 % \| 80 % \| 51 °C \| 2d 0h 0m \d+s \|$/m);
    assert.match(text, /^page \| 1 running \| – \|$/m);
    assert.match(text, /^night \| runs now and then \| 2026-11-28 03:00 UTC \|$/m);
  });

  it("says what is wrong, and what helps, with one machine gone", async () => {
    const text = await shows(
      ["pi2", "pi3"],
      /pi1 does not answer\./,
      /Nomad has just enough/,
      /Consul has just enough/,
    );
    assert.match(text, /^\d things need you$/m);
    assert.match(text, /^pi1 does not answer\. See whether it has power/m);
    assert.match(text, /^Consul: 2 of 3 servers answer, led by pi2; it can lose none\.$/m);
    assert.match(text, /^pi1 \| does not answer \| – \| – \| – \| – \| – \|$/m);
    assert.match(text, /^page \| waits for a machine \| – \|$/m);
  });

  it("says that there is no quorum", async () => {
    const text = await shows(["pi3"], /Consul has no leader/, /Nomad has no leader/);
    assert.match(text, /^Consul: 1 of 3 servers answer, and none leads\.$/m);
  });

  it("takes names for words, and asks nobody else", async () => {
    await shows(["pi1", "pi2", "pi3"], /^All is well\.$/m);
    const page = await fetched();
    assert.match(page, /<th role="rowheader" scope="row">a&amp;b&lt;i&gt;<\/th>/);
    assert.doesNotMatch(page, /(?:src|href)="(?!\/|data:)|url\(|@import/);
  });
});

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { eventually, minutes } from "../e2e/asking.ts";
import { type Checkout, makeCheckout, succeeded } from "../e2e/checkout.ts";
import { isWhole, jobByHand, machines, questionsTo } from "../e2e/lab-home.ts";

/** What takes a lab long: all its machines are replaced, or lost. Each test goes on from where the one before it left the cluster. */
describe("a lab that runs", function () {
  this.timeout(60 * minutes);
  this.bail(true);
  let home: Checkout;

  before(async () => {
    home = await makeCheckout();
    succeeded(await home.piinit("up"));
    await eventually("the whole cluster", status, isWhole);
  });

  after(async () => {
    await home?.piinit("destroy");
    home?.remove();
  });

  const { ask, status, ssh, consulUrl, nomadUrl, keyValue, page, moveJob } = questionsTo(() => home);

  it("changes a key, a job and a machine by changing the settings, and keeps its quorum and its data", async () => {
    const putStrangersKey = async () =>
      (await ask(`${await consulUrl()}/v1/kv/strangers/key`, { method: "PUT", body: "stays" })).ok;
    await eventually("a stranger's key is written", putStrangersKey, Boolean);
    // It has to get pi3's new address, too.
    await moveJob("page", "pi3");
    home.edit("lab", (text) =>
      text
        .replace("Hello from the cluster", "Hello again")
        .replace("*/15 * * * *", "*/20 * * * *")
        .replace("ip: 192.168.2.53", "ip: 192.168.2.63"),
    );
    succeeded(await home.piinit("up"));
    await eventually("the whole cluster after the change", status, isWhole);
    assert.match(await ssh("router", "cat /data/dnsmasq/leases"), /52:54:00:12:34:53 192\.168\.2\.63 pi3 /);
    assert.match(await ssh("pi3", "ip -4 addr"), /192\.168\.2\.63/);
    await eventually("the page with the new greeting", page, (text) => text.includes("Hello again"));
    await eventually(
      "a stranger's key",
      () => keyValue("strangers/key"),
      (value) => value === "stays",
    );
    succeeded(await home.pulumi("pulumi preview --stack lab --expect-no-changes"));
  });

  it("gets everything back from a snapshot after all machines and disks were lost", async () => {
    const nomad = await nomadUrl();
    const put = async (url: string, body: object) => (await ask(url, { method: "PUT", body: JSON.stringify(body) })).ok;
    const secret = { Path: "app/secret", Items: { word: "by hand" } };
    assert.ok(await put(`${nomad}/v1/var/app/secret`, secret));
    assert.ok(await put(`${nomad}/v1/jobs`, { Job: jobByHand }));
    succeeded(await home.piinit("snapshot", "lab", "lost.snapshot"));

    for (const name of machines) {
      succeeded(await home.piinit("lab", "kill", name));
      for (const disk of ["overlay.qcow2", "data.img"]) rmSync(path.join(home.dir, `.piinit/lab/lab/${name}.${disk}`));
    }
    succeeded(await home.piinit("lab", "start"));
    const up = succeeded(await home.piinit("up"));
    assert.match(up.output, /the cluster's rights and tokens are no longer as they were granted/);
    await eventually("a new cluster", status, isWhole);
    assert.equal(await keyValue("strangers/key"), undefined);
    succeeded(await home.piinit("restore", "lab", "lost.snapshot", "--yes"));
    succeeded(await home.piinit("up"));

    await eventually("the whole cluster after the restore", status, isWhole);
    for (const [key, value] of Object.entries({ "strangers/key": "stays", "page/text": "Hello again" }))
      assert.match((await keyValue(key)) ?? "", new RegExp(value), key);
    const variable = await ask(`${await nomadUrl()}/v1/var/app/secret`);
    assert.equal((JSON.parse(variable.text) as typeof secret).Items.word, "by hand");
    const jobs = async () => (await status()).jobs.map(({ id }) => id).sort();
    await eventually("all three jobs", jobs, (ids) => ids.join() === "by-hand,heartbeat,page");
    await eventually("the page after the restore", page, (text) => text.includes("Hello again"));
  });
});

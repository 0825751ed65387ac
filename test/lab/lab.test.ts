import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { eventually, minutes } from "../e2e/asking.ts";
import { type Checkout, makeCheckout, succeeded } from "../e2e/checkout.ts";
import { isWhole, jobByHand, machines, questionsTo } from "../e2e/lab-home.ts";

/** A lab's bad days, until all its machines are replaced, and then lost. Each test goes on from where the one before it left the cluster. */
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

  const { ask, status, ssh, consulUrl, nomadUrl, keyValue, page, moveJob, answerPi3 } = questionsTo(() => home);

  it("takes changes while its first machine is cut off, tells what is missing, and takes the machine back", async () => {
    succeeded(await home.piinit("lab", "cut", "pi1"));
    await eventually("pi1 is cut off", status, ({ machines: seen, state }) => {
      return seen[0]?.reachable === false && state === "degraded";
    });
    home.edit("lab", (text) => text.replace("Hello from the cluster", "Hello from two of three"));
    const up = succeeded(await home.piinit("up"));
    assert.match(up.output, /\n2 of 3 machines are there:\n {2}pi1, 192\.168\.2\.51, .*no answer from Consul/);
    assert.equal(await keyValue("page/text"), "Hello from two of three");
    const seen = await eventually(
      "two of three in the status",
      () => home.piinit("status"),
      ({ output }) => /Consul +2 of 3 servers, leader pi[23], can lose none/.test(output),
    );
    assert.equal(seen.exitCode, 1, seen.output);
    assert.match(seen.output, /To do:\n {2}pi1: see `\.\/piinit lab console pi1`/);
    const again = succeeded(await home.piinit("up"));
    assert.match(again.output, / unchanged/);
    assert.doesNotMatch(again.output, /updated|created/);

    succeeded(await home.piinit("lab", "join", "pi1"));
    await eventually("the whole cluster after a cut", status, isWhole);
    home.edit("lab", (text) => text.replace("Hello from two of three", "Hello from the cluster"));
    const whole = succeeded(await home.piinit("up"));
    assert.match(whole.output, /pi1 is (coming )?back/);
    assert.doesNotMatch(whole.output, /machines are there/);
  });

  it("gets back what was removed behind its back: a reservation, a key, a job", async () => {
    await ssh("router", "rm /data/dnsmasq/hosts/piinit.lab");
    await ask(`${await consulUrl()}/v1/kv/page/text`, { method: "DELETE" });
    await ask(`${await nomadUrl()}/v1/job/page?purge=true`, { method: "DELETE" });
    const reasons = [/lacks pi1: 52:54:\S+ → 192\.168\.2\.51/, /the key page\/text is gone/, /the job page is gone/];
    const preview = await home.piinit("preview");
    const up = succeeded(await home.piinit("up"));
    for (const reason of reasons) for (const { output } of [preview, up]) assert.match(output, reason);
    assert.match(await ssh("router", "cat /data/dnsmasq/hosts/piinit.lab"), /pi1/);
    await eventually("the page", page, (text) => text.includes("Hello from the cluster"));
  });

  it("calls a machine by its name when the router's lease has a qualified one or none", async () => {
    succeeded(await home.piinit("lab", "kill", "pi3"));
    await answerPi3({});
    succeeded(await home.piinit("lab", "start", "pi3"));
    await eventually("pi3 by the stack's table", status, isWhole);
    const leasedName = () => ssh("pi3", "sed -n s/^HOSTNAME=//p /run/systemd/netif/leases/*");
    assert.equal(await leasedName(), "");
    const leased = (name: string) => eventually(`a lease with the name "${name}"`, leasedName, (now) => now === name);

    await answerPi3({ tag: "set:qualified,", config: "dhcp-option-force=tag:qualified,12,pi3.home.lan" });
    await ssh("pi3", "networkctl renew eth0");
    await leased("pi3.home.lan");
    assert.equal(await ssh("pi3", "/usr/lib/piinit/take-name && hostname"), "pi3");

    const pointer = (await ssh("pi3", "cut -d ' ' -f 2 /run/piinit/machine")).split(".").reverse().join(".");
    await answerPi3({ config: `ptr-record=${pointer}.in-addr.arpa,pi3.home.lan` });
    await ssh("pi3", "networkctl renew eth0");
    await leased("");
    const forget = "mv /usr/lib/piinit/machines /tmp/machines && rm /run/piinit/machine";
    const ask = "/usr/lib/piinit/take-name && cat /run/piinit/machine && mv /tmp/machines /usr/lib/piinit/machines";
    assert.match(await ssh("pi3", `${forget} && ${ask}`), /^this machine is pi3 .*\npi3 192\.168\.2\.53 /);

    await answerPi3({ name: ",pi3" });
    await ssh("pi3", "networkctl renew eth0");
    await leased("pi3");
    await eventually("the whole cluster by the router's names", status, isWhole);
  });

  it("fails with Nomad's own words on a broken job, and harms nothing else", async () => {
    const file = path.join(home.dir, "jobs/heartbeat.nomad.hcl");
    const good = readFileSync(file, "utf8");
    writeFileSync(file, `${good}\njob "heartbeat" {{\n`);
    const up = await home.piinit("up");
    writeFileSync(file, good);
    assert.notEqual(up.exitCode, 0);
    assert.match(up.output, new RegExp(`:${good.split("\n").length + 1}[,:]`), up.output);
    const jobs = async () =>
      (await status()).jobs
        .map(({ id, status: state }) => `${id} ${state}`)
        .sort()
        .join();
    await eventually("both jobs", jobs, (text) => text === "heartbeat healthy,page healthy");
  });

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

  it("tells of a machine that the router calls something else, with both names", async () => {
    await answerPi3({ name: ",nas" });
    await ssh("pi3", "networkctl renew eth0");
    const problem = /calls itself nas instead of pi3/;
    await eventually("the other name", status, ({ machines: seen }) => problem.test(seen[2]?.problem ?? ""));
  });
});

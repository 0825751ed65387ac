import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import type { BuiltImage } from "../../steps/image/manifest/contract.ts";
import type { MachineStatus } from "../../steps/lab/lab.ts";
import { eventually, isOpen, minutes, showsCertificate, untilDefined } from "./asking.ts";
import { type Checkout, makeCheckout, succeeded } from "./checkout.ts";
import { hasLeaders, isWhole, machines, questionsTo } from "./lab-home.ts";
import { wronglyAnswered } from "./neighbour.ts";
import { openPlaces, secretsOf, watchProcesses } from "./secrets.ts";

/** The lab's whole life, on one checkout: each test goes on from where the one before it left the cluster. */
describe("the lab", function () {
  this.timeout(35 * minutes);
  this.bail(true);
  let home: Checkout;

  before(async () => {
    home = await makeCheckout();
  });

  after(async () => {
    await home.piinit("destroy");
    home.remove();
  });

  const { ask, status, labList, ssh, consulUrl, nomadUrl, illServers, keyValue, page, runsBeside, moveJob } =
    questionsTo(() => home);

  it("comes up with one command, though a machine loses its power in its first minutes", async () => {
    const up = home.piinit("up");
    const isAnswering = (list: MachineStatus[]) => list.find(({ name }) => name === "pi3")?.ports?.consul;
    const port = await Promise.race([
      up.then(({ output }) => assert.fail(`up ended before pi3 ran:\n${output}`)),
      untilDefined(async () =>
        existsSync(path.join(home.dir, ".piinit/lab/lab")) ? isAnswering(await labList()) : undefined,
      ),
    ]);
    await untilDefined(async () => (port !== undefined && (await showsCertificate(port))) || undefined);
    succeeded(await home.piinit("lab", "kill", "pi3"));
    succeeded(await home.piinit("lab", "start", "pi3"));
    succeeded(await up);
  });

  it("has a quorum of machines that call themselves as the settings do", async () => {
    await eventually("the whole cluster", status, isWhole);
  });

  it("has servers of which neither quorum thinks that it is ill now and then", async () => {
    const ill = await illServers(8);
    // The computer itself may be busy for a few seconds.
    assert.ok(ill.length <= 3, ill.join("; "));
  });

  it("gave each machine the address that the router's own lease table has for it", async () => {
    const leases = await ssh("router", "cat /data/dnsmasq/leases");
    for (const [index, name] of machines.entries()) {
      assert.match(leases, new RegExp(`52:54:00:12:34:5${index + 1} 192\\.168\\.2\\.5${index + 1} ${name} `));
      assert.equal(await ssh(name, "hostname"), name);
    }
  });

  it("gave each machine an identity of its own", async () => {
    const files = "/etc/machine-id /data/consul/node-id /data/nomad/server/node-id /data/ssh/ssh_host_ed25519_key.pub";
    const identities = await Promise.all(machines.map((name) => ssh(name, `cat ${files}`)));
    const lines = identities.flatMap((text) => text.split("\n"));
    assert.equal(lines.length, 12);
    // Consul and Nomad share the id that is made from the MAC.
    assert.equal(new Set(lines).size, 9);
  });

  it("runs every unit of every machine", async () => {
    for (const name of [...machines, "router"])
      assert.equal(await ssh(name, "systemctl --failed --no-legend"), "", name);
  });

  it("serves the page that is made from a Consul key, and records the heartbeat's runs in Consul", async () => {
    await eventually("the page", page, (text) => text.includes("Hello from the cluster"));
    const forceRun = async () =>
      (await ask(`${await nomadUrl()}/v1/job/heartbeat/periodic/force`, { method: "POST" })).ok;
    await eventually("a run of the heartbeat", forceRun, Boolean);
    await eventually("the heartbeat's record", () => keyValue("jobs/heartbeat/last"), Boolean);
  });

  it("has the services of its machines healthy in Consul", async () => {
    const passing = async () => {
      const { text } = await ask(`${await consulUrl()}/v1/health/service/node-exporter?passing`);
      return (JSON.parse(text) as { Node: { Node: string } }[]).map(({ Node }) => Node.Node).sort();
    };
    await eventually("node exporters", passing, (names) => names.join() === machines.join());
  });

  it("shows no change when nothing changed, by ./piinit and by Pulumi itself", async () => {
    succeeded(await home.pulumi("pulumi preview --stack lab --expect-no-changes"));
    const again = succeeded(await home.piinit("up"));
    assert.match(again.output, /unchanged/);
    assert.doesNotMatch(again.output, /updated|created|replaced/);
    const { reused } = await home.json<BuiltImage>("build", "server");
    assert.ok(reused.includes("image"));
  });

  it("goes on without a machine that crashed, though it led and ran the page, and takes it back", async () => {
    const led = (await eventually("leaders", status, hasLeaders)).nomad.leader ?? "";
    await moveJob("page", led);
    succeeded(await home.piinit("lab", "kill", led));
    const since = performance.now();
    assert.equal((await labList()).find(({ name }) => name === led)?.state, "crashed");
    const without = await eventually("leaders among the others", status, hasLeaders);
    assert.equal(without.machines.find(({ name }) => name === led)?.reachable, false);
    await eventually("the page on another machine", () => runsBeside(led, "page"), Boolean);
    process.stdout.write(`      the page ran again after ${((performance.now() - since) / 1000).toFixed(0)} s\n`);
    const up = succeeded(await home.piinit("up"));
    assert.match(up.output, new RegExp(`${led} has lost its power: up starts it`));
    await eventually("the whole cluster after a crash", status, isWhole);
  });

  it("uses a secret and never shows it", async () => {
    const secret = randomUUID();
    succeeded(
      await home.pulumi(
        `printf %s ${secret} | pulumi config set --stack lab --secret --path 'piinit:kv["app/password"]'`,
      ),
    );
    const secrets = [secret, ...(await secretsOf(home, "lab"))];
    const stopWatching = watchProcesses(secrets);
    const up = await home.piinit("up").finally(() => assert.deepEqual(stopWatching(), []));
    succeeded(up);
    for (const word of secrets) assert.ok(!up.output.includes(word));
    await eventually(
      "the secret's key",
      () => keyValue("app/password"),
      (value) => value === secret,
    );
    assert.deepEqual(await openPlaces(secrets, home, ssh), []);
  });

  it("gives a neighbour nothing who has no key, or another stack's", async () => {
    assert.deepEqual(await wronglyAnswered(home), []);
  });

  it("changes a key and a job by changing the settings", async () => {
    home.edit("lab", (text) =>
      text.replace("Hello from the cluster", "Hello again").replace("*/15 * * * *", "*/20 * * * *"),
    );
    succeeded(await home.piinit("up"));
    await eventually("the page with the new greeting", page, (text) => text.includes("Hello again"));
    succeeded(await home.pulumi("pulumi preview --stack lab --expect-no-changes"));
  });

  it("leaves no process, no port and no file behind", async () => {
    const list = await labList();
    const ports = list.flatMap(({ ports: byService }) => Object.values(byService ?? {}));
    assert.equal(list.length, 4);
    succeeded(await home.pulumi("pulumi destroy --stack lab --yes"));
    // Its parent may take a while to notice that a process has ended, but by then it has no program any more.
    for (const { pid } of list) assert.ok(pid === undefined || !existsSync(`/proc/${pid}/exe`), `process ${pid}`);
    for (const port of ports) assert.equal(await isOpen(port), false, `port ${port}`);
    succeeded(await home.piinit("destroy"));
    for (const left of ["lab", "images", "snapshots"])
      assert.ok(!existsSync(path.join(home.dir, ".piinit/lab", left)), left);
  });
});

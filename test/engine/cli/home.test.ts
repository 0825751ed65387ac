import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { until } from "../agents.ts";
import {
  type Home,
  homeAddress,
  homeConsul,
  homeNames,
  homeNetwork,
  homeNomad,
  leaveOutImages,
  makeHome,
} from "../cluster/home.ts";
import { askAs } from "../cluster/secure.ts";
import { service } from "../offline/service.ts";

const machine = (name: string) =>
  `    - {name: ${name}, mac: "b8:27:eb:00:00:0${name.slice(-1)}", ip: ${homeAddress(name)}, image: server}`;

const settings = (greeting: string, wait: string) => `config:
  piinit:datacenter: home
  piinit:network: {cidr: ${homeNetwork}, domain: home.arpa, router: {kind: manual}}
  piinit:builder: {ssh: nobody@127.0.0.1}
  piinit:images: {server: {board: pi3, roles: {consul: server, nomad: both}}}
  piinit:machines:
${homeNames.map(machine).join("\n")}
  piinit:kv: {greeting: ${greeting}, other: stays}
  piinit:jobs: {page: {file: page.nomad.hcl, vars: {word: hello}}}
  piinit:wait: ${wait}
`;

describe("a home with real servers, without its images", function () {
  this.timeout(300_000);
  this.bail(true);
  let home: Home;
  let checkout: Checkout;

  before(async () => {
    checkout = await makeCheckout();
    leaveOutImages(checkout.dir);
    want("hello");
    writeFileSync(path.join(checkout.dir, "page.nomad.hcl"), service("page"));
    home = await makeHome(checkout, "house");
    home.start(...homeNames);
  });
  after(async () => {
    checkout?.remove();
    await home?.close();
  });

  let salt = "";
  const want = (greeting: string, { wait = "3m" } = {}) =>
    writeFileSync(path.join(checkout.dir, "stacks/Pulumi.house.yaml"), `${salt}${settings(greeting, wait)}`);
  const piinit = (...args: string[]) => checkout.piinit(...args);
  async function up(): Promise<string> {
    const { exitCode, output } = await piinit("up", "house", "--yes");
    assert.equal(exitCode, 0, output);
    return output;
  }
  const outputs = async () => {
    const { output } = await checkout.pulumi("pulumi stack output --json --stack house");
    return JSON.parse(output) as { consul?: string; nomad?: string };
  };
  const ask = (url: string) => askAs(home.access, url);
  const value = async (key: string, at = "pi2") => (await ask(`${homeConsul(at)}/v1/kv/${key}?raw`)).text;

  /** For some seconds the others still call a server that is off their leader, and a new one knows nothing of the others. */
  async function otherLeaders(off: string, on: string): Promise<void> {
    for (const agent of [homeConsul(on), homeNomad(on)])
      await until("another leader", async () => {
        const { text } = await ask(`${agent}/v1/operator/autopilot/health`);
        const { Servers } = JSON.parse(text) as { Servers: { Name: string; Leader: boolean }[] };
        return Servers.some(({ Name, Leader }) => Leader && !Name.startsWith(off));
      });
  }

  it("comes up", async () => {
    want("hello");
    const output = await up();
    salt =
      readFileSync(path.join(checkout.dir, "stacks/Pulumi.house.yaml"), "utf8").match(/^encryptionsalt:.*\n/m)?.[0] ??
      "";
    assert.match(output, /snapshot of Consul and Nomad: /);
    assert.equal(await value("greeting"), "hello");
    const { exitCode, output: status } = await piinit("status", "house");
    assert.equal(exitCode, 0, status);
    assert.match(status, /Consul +3 of 3 servers, leader pi[123], can lose 1/);
    const again = await up();
    assert.doesNotMatch(again, /updated|created|snapshot/);
  });

  it("takes changes while its first machine is off, and tells so", async () => {
    await home.kill("pi1");
    await otherLeaders("pi1", "pi2");
    want("hello from two");
    const output = await up();
    assert.match(output, /pi1 is missing: up waits for it/);
    assert.match(output, /\n2 of 3 machines are there:\n {2}pi1, .*connection refused; check its power/);
    assert.doesNotMatch(output, /Job page updated|Keys other updated/);
    assert.equal(await value("greeting"), "hello from two");
    const { consul, nomad } = await outputs();
    assert.ok([homeConsul("pi2"), homeConsul("pi3")].includes(consul ?? ""), consul);
    assert.ok([homeNomad("pi2"), homeNomad("pi3")].includes(nomad ?? ""), nomad);
    const { exitCode, output: status } = await piinit("status", "house");
    assert.equal(exitCode, 1, status);
    assert.match(status, /To do:\n {2}pi1: check its power and its network cable/);
  });

  it("does not wait for it again", async () => {
    want("hello again");
    const output = await up();
    assert.doesNotMatch(output, /waiting for pi1/);
    assert.match(output, /2 of 3 machines are there/);
    assert.equal(await value("greeting"), "hello again");
  });

  it("fails without a quorum, and keeps its outputs", async () => {
    const before = await outputs();
    await home.kill("pi2");
    want("hello from one", { wait: "5s" });
    const { exitCode, output } = await piinit("up", "house", "--yes");
    assert.notEqual(exitCode, 0);
    assert.match(output, /the cluster had no quorum within 5 s/);
    assert.ok(before.consul);
    assert.deepEqual(await outputs(), before);
    const status = await piinit("status", "house");
    assert.equal(status.exitCode, 2, status.output);
    assert.match(status.output, /Consul +1 of 3 servers, no quorum: 2 are needed/);
    const json = await piinit("status", "house", "--json");
    assert.equal(JSON.parse(json.stdout).state, "no quorum");
  });

  it("gets all of its rights, keys and jobs again after its cards were burned again", async () => {
    await home.wipe();
    home.start(...homeNames);
    want("hello again");
    assert.match(await up(), /the cluster's rights and tokens are no longer as they were granted/);
    assert.equal(await value("greeting"), "hello again");
    assert.equal(await value("other"), "stays");
    const { Status } = JSON.parse((await ask(`${homeNomad("pi3")}/v1/job/page`)).text) as { Status: string };
    assert.equal(Status, "running");
    assert.doesNotMatch(await up(), /updated|created/);
  });

  it("can be taken down when the server that it talks to has just gone off", async () => {
    const { consul } = await outputs();
    const off = homeNames.find((name) => homeConsul(name) === consul) ?? assert.fail();
    const on = homeNames.find((name) => name !== off) ?? assert.fail();
    await home.kill(off);
    const { exitCode, output } = await piinit("destroy", "house", "--yes");
    assert.equal(exitCode, 0, output);
    assert.equal((await ask(`${homeConsul(on)}/v1/kv/greeting`)).status, 404);
  });
});

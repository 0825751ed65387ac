import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { openRouter, type RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Command } from "../../../../steps/router/drivers/kea/channel.ts";
import { withSocket } from "../../../../steps/router/drivers/kea/ssh.ts";
import { machine } from "../bench.ts";
import { makeCertificate } from "../contract/server.ts";
import { flavours, type KeaHome, login, startKeaOrSkip } from "./home.ts";
import { talkers, talkersHere } from "./login.ts";

const hashIn = (given: unknown) => (given as { hash: string } | undefined)?.hash ?? "";
const [pi1, pi2] = [machine(1), machine(2)] as const;

describe("a Kea 3 without host_cmds over SSH", function () {
  this.timeout(120_000);
  let home: KeaHome;

  before(async function () {
    home = await startKeaOrSkip(this, flavours[1] ?? flavours[0]);
  });
  after(() => home?.close());

  it("never loses a stack's reservations to another stack that changes at the same time, unsaid", async () => {
    const stacks = [pi1, pi2, machine(3), machine(4)].map((one, index) => ({
      owner: `stack${index}`,
      reservations: [one],
    }));
    const settings: RouterSettings = { kind: "kea", ...home.ssh, persist: true };
    const open = () => openRouter(settings, { progress: silent, signal: new AbortController().signal });
    const results = await Promise.allSettled(stacks.map((stack) => open().apply({ ...stack, previous: [] })));
    assert.ok(results.some(({ status }) => status === "fulfilled"));
    for (const [index, result] of results.entries()) {
      const { reservations = [] } = stacks[index] ?? {};
      const isThere = (await open().lost(reservations)).length === 0;
      assert.equal(isThere, result.status === "fulfilled", JSON.stringify(results));
      if (result.status === "rejected")
        assert.match(result.reason.message, /at the same time: run the same command again/);
    }
  });

  it("gets a configuration that fits in no pipe, by whatever is there", async () => {
    const others = Array.from({ length: 600 }, (_, index) => ({
      "hw-address": `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
      hostname: `x${index}`,
    }));
    for (const talker of await talkersHere()) {
      await home.restart(others);
      await home.leaveOnly(talker);
      const settings: RouterSettings = { kind: "kea", ...home.ssh, persist: true };
      const context = { progress: silent, signal: new AbortController().signal };
      await openRouter(settings, context).apply({ owner: "home", reservations: [pi1], previous: [] });
      assert.ok((await home.file()).length > 100_000, talker);
      assert.deepEqual(await home.askForLease(pi1.mac), { ip: pi1.ip, hostname: pi1.name }, talker);
    }
  });
});

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

describe("the ways to a Kea 3", function () {
  this.timeout(120_000);
  let home: KeaHome;

  const apply = (settings: RouterSettings, reservations: Reservation[]) =>
    openRouter(settings, { progress: silent, signal: new AbortController().signal }).apply({
      owner: "home",
      reservations,
      previous: [],
    });
  const served = async ({ mac, ip, name }: Reservation) =>
    assert.deepEqual(await home.askForLease(mac), { ip, hostname: name });
  const ssh = (): RouterSettings => ({ kind: "kea", ...home.ssh, persist: true });

  before(async function () {
    home = await startKeaOrSkip(this, flavours[0]);
  });
  beforeEach(async () => {
    await home.restart([]);
    await home.leaveOnly(...talkers);
  });
  after(() => home?.close());

  it("are HTTPS, with a certificate that is pinned", async () => {
    const certificate = await makeCertificate();
    await home.restart([], { "control-sockets": [await home.secureSocket(certificate)] });
    const url = home.url.replace("http:", "https:");
    const { fingerprint256 } = new X509Certificate(certificate.cert);
    const settings = (fingerprint: string): RouterSettings => ({
      kind: "kea",
      url,
      fingerprint,
      ...login,
      persist: true,
    });
    await assert.rejects(apply(settings("00".repeat(32)), [pi1]), /another certificate/);
    assert.deepEqual((await apply(settings(fingerprint256), [pi1])).slice(0, 1), [`+ pi1: ${pi1.mac} → ${pi1.ip}`]);
    await served(pi1);
  });

  for (const talker of talkers)
    it(`are its UNIX socket, by ${talker}`, async function () {
      if (!(await talkersHere()).includes(talker)) {
        console.log(`      left out: there is no ${talker} here`);
        this.skip();
      }
      await home.leaveOnly(talker);
      await apply(ssh(), [pi1, pi2]);
      await served(pi2);
    });

  it("are told, if nothing there can talk to a UNIX socket", async () => {
    await home.leaveOnly();
    await assert.rejects(apply(ssh(), [pi1]), /install socat, netcat-openbsd or python3/);
  });

  it("end at the first command that Kea refuses", async () => {
    for (const talker of await talkersHere()) {
      await home.leaveOnly(talker);
      const { signal } = new AbortController();
      const commands = ["config-write", "no-such", "config-write"].map((command) => ({ command }));
      const answers = await withSocket(home.ssh, signal, ({ act }) => act.ask(commands));
      assert.deepEqual(
        answers.map(({ result }) => result),
        [0, 2],
        talker,
      );
    }
  });

  it("end at an answer that isn't the expected one, before anything is changed", async () => {
    for (const talker of await talkersHere()) {
      await home.leaveOnly(talker);
      const { signal } = new AbortController();
      const sum = (expects?: string) => ({ command: "config-hash-get", expects });
      const ask = (...commands: Command[]) => withSocket(home.ssh, signal, ({ act }) => act.ask(commands));
      const [answer] = await ask(sum());
      const hash = hashIn(answer?.arguments);
      assert.equal(hashIn((await ask({ command: "config-get" }))[0]?.arguments), hash);
      assert.equal((await ask(sum(hash), { command: "config-write" })).length, 2, talker);
      assert.equal((await ask(sum("00".repeat(32)), { command: "config-write" })).length, 1, talker);
    }
  });

  it("are left by ^C while piinit looks, and not while it changes something", async () => {
    const [looking, changing] = [new AbortController(), new AbortController()];
    const look = withSocket(home.ssh, looking.signal, async (channels) => {
      await channels.look.ask([{ command: "list-commands" }]);
      looking.abort();
      return channels.look.ask([{ command: "list-commands" }]);
    });
    await assert.rejects(look, /interrupted while talking to 127\.0\.0\.1/);
    const [answer] = await withSocket(home.ssh, changing.signal, async ({ act }) => {
      const change = act.ask([{ command: "config-write" }]);
      changing.abort();
      return change;
    });
    assert.equal(answer?.result, 0);
  });
});

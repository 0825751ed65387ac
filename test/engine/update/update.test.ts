import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Progress } from "../../../lib/progress.ts";
import { type Access, askAgent, leaderAnswer } from "../../../steps/agents.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";
import type { Authority } from "../../../steps/security/contract.ts";
import type { WantedUpdate } from "../../../steps/update/contract.ts";
import { rollBack, updateMachine } from "../../../steps/update/update.ts";
import { updateServerName } from "../../../steps/update-messages.ts";
import { type AgentProgram, agentLauncher } from "../agent-programs.ts";
import { consulConfiguration } from "../cli/servers.ts";
import { secureIn } from "../cluster/secure.ts";

const ip = "127.1.0.61";
const name = "pi1";

/** A real Consul with tokens and TLS, and in place of a machine what its scripts would ask and say, by curl. */
describe("the step that brings a machine its image", function () {
  this.timeout("2m");
  const folder = mkdtempSync(path.join(tmpdir(), "piinit-update-"));
  const tls = path.join(folder, "tls");
  const bundle = Buffer.from("an update, signed\n".repeat(10_000));
  let access: Access;
  let authority: Authority;
  let wanted: WantedUpdate;
  let consul: AgentProgram;

  before(async () => {
    authority = await authorityFor({ domain: "home.arpa", cidr: "127.0.0.0/8", generation: 1 });
    const secure = await secureIn(tls, authority, ip);
    access = secure.access;
    const launch = await agentLauncher();
    consul = launch("consul", path.join(folder, "consul"), consulConfiguration(ip, secure));
    const image = path.join(folder, "server-2222222222222222.img");
    writeFileSync(image.replace(/img$/, "raucb"), bundle);
    const computer = await certify({ authority, commonName: "updates", names: [updateServerName], addresses: [] });
    wanted = { name, ip, image, consul: [`https://${ip}:8501`], nomad: [], access, server: computer };
    while (
      !(await askAgent("Consul", `${wanted.consul[0]}/v1/status/leader`, leaderAnswer, { access }).catch(() => ""))
    )
      await sleep(200);
  });
  after(async () => {
    consul?.kill("SIGKILL");
    await consul?.catch(() => {});
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  beforeEach(() => kv("DELETE", "piinit/?recurse"));

  const curl = async (...args: string[]) =>
    execa("curl", ["--silent", "--show-error", "--fail", ...args], { reject: false });
  const kv = async (method: string, key: string, text = "") => {
    const header = ["--cacert", path.join(tls, "ca.pem"), "--header", `X-Consul-Token: ${access.consul}`];
    const { stdout } = await curl(...header, "--request", method, "--data", text, `${wanted.consul[0]}/v1/kv/${key}`);
    return stdout;
  };
  const say = (lines: Record<string, string>, machine = name) => {
    const all = {
      image: "server-1111111111111111",
      slot: "A",
      other: "",
      attempt: "",
      state: "running",
      text: "",
      ...lines,
    };
    const text = Object.entries(all).map(([key, value]) => `${key}=${value}\n`);
    return kv("PUT", `piinit/status/${machine}`, text.join(""));
  };
  /** What the machine is to take, once it is told. */
  const told = async () => {
    for (;;) {
      const text = await kv("GET", `piinit/wanted/${name}?raw`);
      if (text) return Object.fromEntries(text.split("\n").map((line) => line.split("=", 2)) as [string, string][]);
      await sleep(100);
    }
  };
  const own = () => ["--cert", path.join(tls, "agent.pem"), "--key", path.join(tls, "agent-key.pem")];
  const fetched = async ({ address, port }: Record<string, string>, file: string, ...who: string[]) => {
    const to = path.join(folder, "fetched");
    rmSync(to, { force: true });
    const at = `${updateServerName}:${port}`;
    const trust = ["--cacert", path.join(tls, "ca.pem"), "--resolve", `${at}:${address}`];
    const { exitCode } = await curl(...trust, ...who, "--output", to, `https://${at}/${file}`);
    return exitCode === 0 ? readFileSync(to) : undefined;
  };
  const run = async (change: Partial<WantedUpdate> = {}) => {
    const lines: string[] = [];
    const progress: Progress = { step: (line) => lines.push(line) };
    const context = { progress, signal: new AbortController().signal };
    try {
      lines.push((await updateMachine({ ...wanted, ...change }, context)).state);
    } catch (error) {
      lines.push((error as Error).message);
    }
    return lines;
  };

  it("does nothing for a machine that runs it, or of which nothing is known", async () => {
    assert.deepEqual(await run(), ["silent"]);
    await say({ image: "server-2222222222222222" });
    assert.deepEqual(await run(), ["newest"]);
  });

  it("leaves one alone that is off", async () => {
    await say({}, "pi9");
    assert.deepEqual(await run({ name: "pi9" }), ["pi9 is off, and will be updated when it is back", "off"]);
  });

  it("serves it to the machine alone, shows how far it is, and takes back its word", async () => {
    await say({});
    const running = run();
    const { attempt = "", image = "", path: file = "", bytes, ...from } = await told();
    assert.equal(image, "server-2222222222222222");
    assert.equal(bytes, String(bundle.length));
    assert.match(file, /^[0-9a-f]{32}$/);
    assert.deepEqual(await fetched(from, file, ...own()), bundle);
    assert.equal(await fetched(from, file), undefined, "without a certificate");
    assert.equal(await fetched(from, "0".repeat(32), ...own()), undefined, "another path");
    await say({ attempt, state: "downloading", text: "42 %" });
    await sleep(3000);
    await say({ attempt, state: "trying", image, slot: "B", text: "its Nomad has no leader" });
    await sleep(3000);
    await say({ attempt, image, slot: "B" });
    assert.deepEqual(await running, [
      "pi1: runs server-1111111111111111, to be server-2222222222222222",
      "pi1: told of its update",
      "pi1: downloading: 42 %",
      "pi1: trying: its Nomad has no leader",
      "pi1: runs server-2222222222222222",
      "newest",
    ]);
    assert.equal(await kv("GET", `piinit/wanted/${name}?raw`), "");
    assert.equal(await fetched(from, file, ...own()), undefined, "afterwards");
  });

  it("fails with the machine's own words, and tries again the next time", async () => {
    for (const reason of ["its Consul has no leader after ten minutes", "it was started again before it was healthy"]) {
      await say({});
      const running = run();
      const { attempt = "" } = await told();
      await say({ attempt, state: "failed", text: reason });
      assert.equal((await running).at(-1), `pi1 keeps its old image: ${reason}.`);
    }
  });

  it("says what to do when the update is gone, or the port is taken", async () => {
    await say({});
    const gone = await run({ image: path.join(folder, "server-3333333333333333.img") });
    assert.match(gone.at(-1) ?? "", /server-3333333333333333\.raucb is gone\. Make it again: /);
    const port = Number(new URL(wanted.consul[0] ?? "").port);
    assert.match((await run({ port })).at(-1) ?? "", /is not free .*\. Set another one: updates\.port$/);
  });

  it("has a machine go back to what it has, and says so when it has nothing", async () => {
    const context = { progress: { step() {} }, signal: new AbortController().signal };
    await say({});
    await assert.rejects(rollBack(wanted, context), /has no other image than server-1111111111111111/);
    await say({ image: "server-2222222222222222", slot: "B", other: "server-1111111111111111" });
    const running = rollBack(wanted, context);
    const { attempt = "", image = "", path: file } = await told();
    assert.deepEqual([image, file], ["server-1111111111111111", ""]);
    await say({ attempt, image });
    assert.equal(await running, "server-1111111111111111");
  });
});

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { processesBelow, until } from "../agents.ts";
import { askAs, authorityOf } from "../cluster/secure.ts";
import { ctrlC, inTerminal } from "../pty.ts";
import { type HeldStack, makeHeldStack } from "./held.ts";
import { makeServers, type Servers } from "./servers.ts";

const job = {
  ID: "by-hand",
  Type: "service",
  TaskGroups: [{ Name: "main", Count: 0, Tasks: [{ Name: "main", Driver: "raw_exec", Config: { command: "true" } }] }],
};

/**
 * Of the stack's three machines only the first is on; its servers are a cluster of one, so it is a quorum.
 * Each test goes on from where the one before it left the cluster.
 */
describe("snapshots of real Consul and Nomad servers", function () {
  this.timeout("3m");
  this.bail(true);
  let stack: HeldStack;
  let servers: Servers;
  const file = (name: string) => path.join(stack.dir, name);
  const folder = () => file(".piinit/held/snapshots");
  const mode = (name: string) => (statSync(name).mode & 0o777).toString(8);

  before(async () => {
    stack = await makeHeldStack();
    stack.steps({ one: "1" });
    await succeeds("up", "held", "--yes");
    servers = await makeServers("127.0.0.51", await authorityOf(stack, "held"));
  });
  after(async () => {
    await servers?.close();
    stack.remove();
  });

  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output } = await stack.piinit(...args);
    assert.equal(exitCode, 0, output);
    return output;
  }
  async function fails(...args: string[]): Promise<string> {
    const { exitCode, output } = await stack.piinit(...args);
    assert.equal(exitCode, 1, output);
    assert.doesNotMatch(output, /^ +at /m);
    return output;
  }
  async function put(url: string, body: unknown): Promise<void> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    await until(`PUT ${url}`, async () => {
      const answer = await askAs(servers.access, url, "PUT", text);
      if (!answer.ok) throw new Error(`${answer.status} ${answer.text}`);
      return true;
    });
  }
  const keyValue = async (key: string) => {
    const { ok, text } = await askAs(servers.access, `${servers.consul}/v1/kv/${key}?raw`);
    return ok ? text : undefined;
  };
  const read = async <T>(url: string): Promise<T> => JSON.parse((await askAs(servers.access, url)).text);
  const jobs = async () => (await read<{ ID: string }[]>(`${servers.nomad}/v1/jobs`)).map(({ ID }) => ID).join();
  const variable = () => read<{ Items: { word: string } }>(`${servers.nomad}/v1/var/app/secret`);

  it("need a quorum, and leave no file without one", async () => {
    assert.match(
      await fails("snapshot", "held"),
      /^Consul has no leader.*:\n {2}pi1: no answer from .*connection refused$/m,
    );
    assert.ok(!existsSync(folder()));
  });

  it("are one file that only its owner can read, which shows nothing of its content", async () => {
    await servers.start();
    await put(`${servers.consul}/v1/kv/by/hand`, "a value by hand");
    await put(`${servers.nomad}/v1/jobs`, { Job: job });
    await put(`${servers.nomad}/v1/var/app/secret`, { Path: "app/secret", Items: { word: "a word by hand" } });
    await succeeds("secret", "kv.word", "held");
    assert.match(
      await succeeds("snapshot", "held", "mine.snapshot"),
      /mine\.snapshot {2}\d+ bytes: Consul 1\.\S+, Nomad 1\./,
    );
    assert.equal(mode(file("mine.snapshot")), "600");
    const content = readFileSync(file("mine.snapshot"), "latin1");
    assert.match(content, /^piinit snapshot 1\n/);
    for (const word of ["by/hand", "by-hand", "by hand"]) assert.ok(!content.includes(word), word);
  });

  it("replace no file", async () => {
    const before = readFileSync(file("mine.snapshot"));
    assert.match(await fails("snapshot", "held", "mine.snapshot"), /mine\.snapshot exists already/);
    assert.deepEqual(readFileSync(file("mine.snapshot")), before);
  });

  it("are in the stack's folder where none is named", async () => {
    await succeeds("snapshot", "held");
    const [name = ""] = readdirSync(folder());
    assert.match(name, /^held-\d{8}T\d{6}Z\.snapshot$/);
    assert.equal(mode(path.join(folder(), name)), "600");
    assert.equal(mode(folder()), "700");
  });

  it("are not restored without a yes", async () => {
    await put(`${servers.consul}/v1/kv/later`, "a later value");
    const output = await fails("restore", "held", "mine.snapshot");
    assert.match(output, /mine\.snapshot\n {2}of stack held, taken 20\S+ by piinit \S+: Consul 1\.\S+, Nomad 1\./);
    assert.match(output, /^Stack held has now:\n {2}Consul \S+ with 2 keys\n {2}Nomad \S+ with 1 job and 1 variable$/m);
    assert.match(output, /Add --yes to restore/);
    assert.equal(await keyValue("later"), "a later value");
  });

  it("ask which file, and name those that there are", async () => {
    assert.match(
      await fails("restore", "held"),
      /Which snapshot .*\.piinit\/held\/snapshots\/held-\S+\.snapshot is the newest/,
    );
    assert.match(await fails("restore", "held", "other.snapshot"), /ENOENT.*\nSnapshots of stack held here:\n.*held-/);
  });

  it("bring everything into new servers after all was lost: keys, jobs and variables", async () => {
    await servers.lose();
    await servers.start();
    assert.equal(await keyValue("by/hand"), undefined);
    assert.equal(await jobs(), "");
    assert.match(
      await succeeds("restore", "held", "mine.snapshot", "--yes"),
      /^Restored\. .*run \.\/piinit up held now/m,
    );
    assert.equal(await keyValue("by/hand"), "a value by hand");
    assert.equal(await keyValue("later"), undefined);
    assert.equal(await jobs(), "by-hand");
    assert.equal((await variable()).Items.word, "a word by hand");
    await put(`${servers.nomad}/v1/var/app/secret`, { Path: "app/secret", Items: { word: "another" } });
  });

  it("are refused when they are damaged or something else", async () => {
    const bytes = readFileSync(file("mine.snapshot"));
    writeFileSync(file("cut.snapshot"), bytes.subarray(0, 1000));
    assert.match(await fails("restore", "held", "cut.snapshot", "--yes"), /cut\.snapshot is cut off: \d+ bytes/);
    assert.match(await fails("restore", "held", "package.json", "--yes"), /is not a snapshot of piinit/);
    assert.equal((await variable()).Items.word, "another");
  });

  it("say what the cluster has when ^C comes in the middle, and the next restore finishes it", async () => {
    const run = () => inTerminal("./piinit", ["restore", "held", "mine.snapshot"], { cwd: stack.dir, env: stack.env });
    const asked = run();
    await asked.shows(/Replace all of that in stack held/);
    asked.type(ctrlC);
    const unasked = await asked.ended;
    assert.equal(unasked.exitCode, 130, unasked.shown);
    assert.equal((await variable()).Items.word, "another");

    const terminal = run();
    await terminal.shows(/Replace all of that in stack held/);
    servers.signal("consul", "SIGSTOP");
    terminal.type("y\n");
    await terminal.shows(/Consul: restoring \d+ bytes/);
    terminal.type(ctrlC);
    const { exitCode, shown } = await terminal.ended;
    servers.signal("consul", "SIGCONT");
    assert.equal(exitCode, 130, shown);
    assert.match(shown, /^Interrupted\. Consul has either the snapshot or still its own data; Nomad is as it was\./m);
    assert.deepEqual(await processesBelow(stack.dir), []);
    await until("Consul has a leader", async () => (await read<string>(`${servers.consul}/v1/status/leader`)) !== "");
    await succeeds("restore", "held", "mine.snapshot", "--yes");
    assert.equal((await variable()).Items.word, "a word by hand");
  });

  it("are taken by up when it has changed something, ten at most, beside those that were taken by hand", async () => {
    rmSync(folder(), { recursive: true });
    mkdirSync(folder(), { mode: 0o700 });
    const byHand = "held-20000101T000000Z.snapshot";
    const early = Array.from({ length: 12 }, (_, index) => `held-200001${10 + index}T000000Z-up.snapshot`);
    for (const name of [byHand, ...early]) writeFileSync(path.join(folder(), name), "");
    stack.steps({ one: "2" });
    assert.match(
      await succeeds("up", "held", "--yes"),
      /snapshot of Consul and Nomad: \.piinit\/held\/snapshots\/held-\S+-up\.snapshot/,
    );
    const after = readdirSync(folder()).sort();
    assert.equal(after.length, 11);
    assert.deepEqual(after.slice(0, 2), [byHand, early[3]]);
    assert.equal(mode(path.join(folder(), after.at(-1) ?? "")), "600");
    assert.doesNotMatch(await succeeds("up", "held", "--yes"), /snapshot/);
    assert.deepEqual(readdirSync(folder()).sort(), after);
  });

  it("that can't be taken don't make up fail", async () => {
    await servers.lose();
    stack.steps({ one: "3" });
    assert.match(await succeeds("up", "held", "--yes"), /no snapshot was taken after this up: Consul has no leader/);
  });

  it("stay when a home is destroyed, which says where they are", async () => {
    assert.match(await succeeds("destroy", "held", "--yes"), /still in \S+\/\.piinit\/held\/snapshots \(11\)/);
    assert.equal(readdirSync(folder()).length, 11);
  });
});

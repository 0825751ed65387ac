import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";
import { stackStatus } from "../../../cli/status/stack-status.ts";
import { projectDir } from "../../../lib/paths.ts";
import type { ExpectedMachine } from "../../../steps/cluster/contract.ts";
import { observe } from "../../../steps/cluster/observe.ts";
import { newSeed, randomFrom } from "../../random.ts";
import { mutate } from "./mutate.ts";
import { agent, consulAnswers, type Manner, nomadAnswers, type Strangers, say, startStrangers } from "./stranger.ts";

const html = "<!DOCTYPE html><title>Router</title>";
const consulOnly = (question: string, text: string) =>
  agent(consulAnswers, (right, asked) => (asked === question ? text : right));

/** How a machine's address may answer when it isn't Consul, and what the gate must make of that. */
const kinds: Record<string, [Manner, RegExp]> = {
  "empty-object": [say("{}"), /what answers isn't Consul \(JSON without a right Config\)/],
  "other-json": [say('{"status":"ok"}'), /what answers isn't Consul \(JSON without a right Config\)/],
  null: [say("null"), /what answers isn't Consul \(JSON, but not that of \/null\/v1\/agent\/self\)/],
  nothing: [say(""), /what answers isn't Consul \(an empty answer\)/],
  text: [say("hello"), /what answers isn't Consul \(no JSON\)/],
  html: [say(html), /what answers isn't Consul \(HTML\)/],
  "html-404": [say(html, "404 Not Found"), /what answers isn't Consul \(HTML\)/],
  redirect: [
    say("", "302 Found", ["Location: http://127.0.0.1:1/login"]),
    /\(it redirects to http:\/\/127\.0\.0\.1:1\/login\)/,
  ],
  refusal: [say("Permission denied", "403 Forbidden"), /it says 403 Permission denied/],
  escape: [say("\u001b[2Jgone", "500 Error"), /it says 500 \[2Jgone/],
  deep: [
    consulOnly("/v1/agent/members", '[{"Name":"pi1","Addr":"127.0.0.1","Status":1,"Tags":{"id":["x"]}}]'),
    /\(JSON without a right 0\.Tags\.id\)/,
  ],
  "no-raft": [consulOnly("/v1/operator/autopilot/health", '{"Servers":{}}'), /\(JSON without a right Servers\)/],
  cut: [
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"Config":', () => socket.destroy()),
    /its answer breaks off/,
  ],
  "cut-text": [consulOnly("/v1/agent/self", '{"Config":{"NodeID"'), /what answers isn't Consul \(no JSON\)/],
  hangup: [(socket) => socket.destroy(), /it closes the connection/],
  ssh: [(socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"), /what answers isn't Consul \(it doesn't speak HTTP\)/],
  rubbish: [(socket) => pour(socket, 100 << 20), /what answers isn't Consul \(more than 8 MiB\)/],
  silent: [() => {}, /silent for 5 s/],
  headers: [
    (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    /its answer isn't whole after 5 s/,
  ],
  trickle: [(socket) => trickle(socket), /its answer isn't whole after 5 s/],
};

function pour(socket: Parameters<Manner>[0], bytes: number): void {
  const piece = Buffer.alloc(1 << 16, "[");
  const more = () => socket.writable && socket.bytesWritten < bytes && socket.write(piece, more);
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`, more);
}

function trickle(socket: Parameters<Manner>[0]): void {
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[");
  const timer = setInterval(() => socket.write(" "), 200);
  socket.on("close", () => clearInterval(timer));
}

describe("what answers in place of Consul and Nomad", function () {
  this.timeout(90_000);
  let strangers: Strangers;
  afterEach(() => strangers.close());

  const machine = (name: string, nomad = false): ExpectedMachine => ({
    name,
    ip: "127.0.0.1",
    mac: "b8:27:eb:00:00:01",
    image: "server",
    consulUrl: strangers.url(nomad ? "consul" : name),
    nomadUrl: strangers.url(name),
    consulServer: true,
    ...(nomad && { nomad: "both" }),
  });
  const expectation = (machines: ExpectedMachine[]) => ({
    datacenter: "home",
    machines,
    deadlineSeconds: 0,
    remedy: "burn `IMAGE`",
    guards: "",
  });
  /** The gate's own program, and how it ended. */
  const gate = (machines: ExpectedMachine[]) =>
    execa("node", ["--import", "tsx", path.join("steps", "cluster", "main.ts"), "wait"], {
      cwd: projectDir,
      input: JSON.stringify(expectation(machines)),
      reject: false,
    });

  it("is told by the gate with the reason, for every kind of stranger", async () => {
    strangers = await startStrangers(
      Object.fromEntries(Object.entries(kinds).map(([name, [manner]]) => [name, manner])),
    );
    const { stderr, exitCode } = await gate(Object.keys(kinds).map((name) => machine(name)));
    assert.equal(exitCode, 1, stderr);
    assert.doesNotMatch(stderr, /^\s+at |Warning/m);
    for (const [name, [, reason]] of Object.entries(kinds)) {
      const line = stderr.split("\n").find((text) => text.startsWith(`  ${name}, `)) ?? `nothing about ${name}`;
      assert.match(line, new RegExp(`no answer from Consul at ${strangers.url(name)}: .*${reason.source}`));
    }
    assert.ok(strangers.sent("rubbish") < 64 << 20, `${strangers.sent("rubbish")} bytes of rubbish were taken`);
    assert.ok(!stderr.includes("\u001b"));
  });

  it("is known from the list of members while Consul holds back what it says of itself", async () => {
    const well = agent(consulAnswers);
    const isSelf = (path: string) => path.startsWith("/v1/agent/self");
    strangers = await startStrangers({ pi1: (socket, path) => isSelf(path) || well(socket, path) });
    const seen = await observe(expectation([machine("pi1")]), { timeoutMs: 500 });
    const { id, name, ip, server } = seen.machines[0]?.consul ?? assert.fail("silent");
    assert.deepEqual({ name, ip, server, id: id.length }, { name: "pi1", ip: "127.0.0.1", server: true, id: 36 });
    const elsewhere = await observe(expectation([{ ...machine("pi1"), ip: "127.0.0.9" }]), { timeoutMs: 500 });
    assert.match(elsewhere.machines[0]?.silence?.Consul?.message ?? "", /silent for 0\.5 s/);
  });

  it("is told by the gate for Nomad too, where Consul is well", async () => {
    strangers = await startStrangers({ consul: agent(consulAnswers), pi1: say("{}") });
    const { stderr, exitCode } = await gate([machine("pi1", true)]);
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /no answer from Nomad at \S+: what answers isn't Nomad \(JSON without a right config\)/);
  });

  it("sends whoever reads it to the router where another device has the address", async () => {
    strangers = await startStrangers({ pi1: say(html) });
    const { stderr } = await gate([machine("pi1")]);
    assert.match(stderr, /127\.0\.0\.1 belongs to something else: .*check b8:27:eb:00:00:01 → 127\.0\.0\.1 \(pi1\)/);
  });

  it("lets right answers pass, so that the others fail for their faults alone", async () => {
    strangers = await startStrangers({ consul: agent(consulAnswers), pi1: agent(nomadAnswers) });
    const { stderr, exitCode } = await gate([machine("pi1", true)]);
    assert.equal(exitCode, 0, stderr);
  });

  it("is told by the status as it is by the gate", async () => {
    strangers = await startStrangers({
      html: say(html),
      consul: agent(consulAnswers),
      jobs: agent({ ...nomadAnswers, "/v1/jobs": { x: 1 } }),
    });
    const status = await stackStatus(expectation([machine("html"), machine("jobs", true)]));
    assert.match(
      status.machines[0]?.problem ?? "",
      /^no answer from Consul at \S+: what answers isn't Consul \(HTML\)$/,
    );
    assert.equal(status.machines[0]?.reachable, false);
    assert.equal(status.machines[1]?.problem, "127.0.0.1 calls itself pi1 instead of jobs");
    assert.deepEqual(status.jobs, []);
  });

  const seed = Number(process.env.SEED ?? newSeed());
  it(`never makes the gate or the status stumble, in 200 random forms (SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    const spoilt = (answers: Readonly<Record<string, unknown>>) => {
      const asked = Object.keys(answers);
      const question = random.pick(asked);
      const text = mutate(JSON.stringify(answers[question]), random);
      return agent(answers, (right, path) => (path === question ? text : right));
    };
    const names = Array.from({ length: 200 }, (_, index) => `m${index}`);
    const isNomad = (index: number) => index % 2 === 1;
    strangers = await startStrangers({
      consul: agent(consulAnswers),
      ...Object.fromEntries(names.map((name, index) => [name, spoilt(isNomad(index) ? nomadAnswers : consulAnswers)])),
    });
    for (const [index, name] of names.entries()) {
      const status = await stackStatus(expectation([machine(name, isNomad(index))]));
      assert.equal(JSON.stringify(status).includes("\\u001b"), false, name);
    }
    const { stderr, exitCode } = await gate(names.map((name, index) => machine(name, isNomad(index))));
    assert.equal(exitCode, 1, stderr);
    assert.doesNotMatch(stderr, /^\s+at |Warning/m);
    assert.ok(!stderr.includes("\u001b"));
  });
});

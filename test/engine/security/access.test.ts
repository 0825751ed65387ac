import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { ReadyCluster } from "../../../steps/cluster/contract.ts";
import { until } from "../agents.ts";
import { whyNoNetwork } from "../router/cable.ts";
import { type SecureHome, startHome } from "./home.ts";
import { scriptJob } from "./jobs.ts";
import { type Attempt, asServer, byTls, inTheClear } from "./neighbour.ts";
import type { Knock } from "./probe.ts";
import { machines, makeStack, type TestStack } from "./stack.ts";

const others = [
  { name: "laptop", ip: "192.168.2.9" },
  { name: "guest", ip: "192.168.2.200" },
];

const agents = ["Consul", "Nomad"] as const;
type Agent = (typeof agents)[number];

/** As an agent's autopilot sees it. */
interface Server {
  Name: string;
  Voter: boolean;
  Healthy: boolean;
}
/** Nomad's servers have their region's name, too. */
const isServer = (name: string, as: Partial<Server>) => (server: Server) =>
  server.Name.startsWith(name) && isDeepStrictEqual({ ...server, ...as }, server);

/** Each test goes on from where the one before it left the home. */
describe("a home with the agents of secure images", function () {
  this.timeout("5m");
  let home: SecureHome;
  let stack: TestStack;

  before(async function () {
    if (await whyNoNetwork("curl")) return this.skip();
    stack = await makeStack();
    home = await startHome();
    for (const machine of [...machines, ...others]) await home.add(machine);
    for (const { name, image } of machines) home.start(name, stack.manifests[image]);
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(home.logs());
  });
  after(() => home?.close());

  const step = <Answer = { written: number }>(program: string, verb: string, input: object) =>
    home.ask<Answer>("laptop", [`steps/${program}/main.ts`, verb], input);
  /** How much of the stack's access isn't as it was granted. */
  const lacking = (wanted = stack.wanted): Promise<number> =>
    home.ask("laptop", ["test/engine/security/lacking.ts"], {
      wanted,
      consulUrl: "https://192.168.2.51:8501",
      nomadUrl: "https://192.168.2.52:4646",
    });
  const knock = (from: string, ...knocks: Knock[]): Promise<string[]> =>
    home.ask(from, ["test/engine/security/probe.ts"], knocks);

  /** A request of the stack's owner. */
  const ask = async (agent: Agent, path: string, method = "GET", body?: string): Promise<string> => {
    const { ca, consul, nomad } = stack.access;
    const headers = agent === "Consul" ? { "X-Consul-Token": consul } : { "X-Nomad-Token": nomad };
    const http = { method, path, headers, ...(body !== undefined && { body }) };
    const port = agent === "Consul" ? 8501 : 4646;
    const [answer = ""] = await knock("laptop", { ip: "192.168.2.51", port, tls: { ca }, http });
    return answer;
  };
  const serversOf = async (agent: Agent) =>
    (JSON.parse((await ask(agent, "/v1/operator/autopilot/health")).slice(4)) as { Servers: Server[] }).Servers;
  const isSeen = async (name: string, as: Partial<Server>) => {
    for (const agent of agents)
      await until(`${agent} sees ${name} so`, async () => (await serversOf(agent)).some(isServer(name, as)));
  };
  const readKey = (key: string) => ask("Consul", `/v1/kv/${key}?raw`);
  /** What has happened to a job's tasks, among other things. */
  const eventsOf = (job: string) => ask("Nomad", `/v1/job/${job}/allocations`);
  const runJob = async (job: object) =>
    assert.match(await ask("Nomad", "/v1/jobs", "PUT", JSON.stringify(job)), /^200 /);

  async function getAsExpected(attempts: readonly Attempt[]): Promise<void> {
    const answers = await knock("guest", ...attempts.map(([, one]) => one));
    const wrong = attempts.flatMap(([what, , right], index) =>
      right.test(answers[index] ?? "") ? [] : [`${what}: ${answers[index]}`],
    );
    assert.deepEqual(wrong, []);
  }

  it("gets its rights and tokens from a laptop, and nothing more the second time", async () => {
    const { written } = await step("access", "grant", stack.wanted);
    assert.ok(written > 10, `${written} written`);
    assert.deepEqual(await step("access", "grant", stack.wanted), { written: 0 });
  });

  it("gets back what was removed, and loses what isn't the stack's any more", async () => {
    const [first = assert.fail()] = stack.wanted.images;
    const gone = { ...first, name: "gone", token: { accessor: randomUUID(), secret: randomUUID() } };
    const before = { ...stack.wanted, images: [...stack.wanted.images, gone] };
    assert.equal(await lacking(), 0);
    assert.deepEqual(await step("access", "grant", before), { written: 2 });
    const { accessor } = stack.wanted.tokens.dns;
    assert.equal(await ask("Consul", `/v1/acl/token/${accessor}`, "DELETE"), "200 true");
    for (const agent of agents) {
      const at = "/v1/operator/autopilot/configuration";
      const now = JSON.parse((await ask(agent, at)).slice(4)) as object;
      assert.match(await ask(agent, at, "PUT", JSON.stringify({ ...now, MinQuorum: 0 })), /^200 /);
    }
    assert.equal(await lacking(), 5);
    assert.deepEqual(await step("access", "grant", stack.wanted), { written: 5 });
    assert.equal(await lacking(), 0);
    assert.deepEqual(await step("access", "grant", stack.wanted), { written: 0 });
  });

  it("stays manageable where two servers have made the stack's token known at the same time", async () => {
    const body = JSON.stringify({ BootstrapSecret: stack.access.nomad });
    const bootstrap = () => ask("Nomad", "/v1/acl/bootstrap", "PUT", body);
    const [, index = ""] = /reset index: (\d+)/.exec(await bootstrap()) ?? [];
    // The leader's file counts.
    for (const server of ["pi1", "pi2", "pi3"])
      writeFileSync(home.file(server, "/data/nomad/server/acl-bootstrap-reset"), index);
    assert.match(await bootstrap(), /^200 /);
    assert.equal(await lacking(), 0);
    assert.deepEqual(await step("access", "grant", stack.wanted), { written: 0 });
    assert.match(await ask("Nomad", "/v1/acl/token/self"), /^200 /);
  });

  it("passes the gate", async () => {
    const expected = machines.map(({ name, ip, image }) => ({
      name,
      ip,
      mac: "b8:27:eb:00:00:01",
      image,
      consulUrl: `https://${ip}:8501`,
      nomadUrl: `https://${ip}:4646`,
      consulServer: image === "server",
      nomad: image === "server" ? "both" : "client",
    }));
    const more = { datacenter: "home", access: stack.access, deadlineSeconds: 120, remedy: "", guards: "" };
    const { missing, consulUrl } = await step<ReadyCluster>("cluster", "wait", { machines: expected, ...more });
    assert.deepEqual([missing, consulUrl], [[], "https://192.168.2.51:8501"]);
  });

  it("has Nomad's services in Consul", () =>
    until("Nomad is registered", async () => {
      const services = Object.keys(JSON.parse((await ask("Consul", "/v1/catalog/services")).slice(4)));
      return ["consul", "nomad", "nomad-client"].every((name) => services.includes(name));
    }));

  it("tells a neighbour nothing in the clear", () => getAsExpected(inTheClear));

  it("tells a neighbour nothing who has no token, or another stack's", async () => {
    await getAsExpected(byTls(stack.access.ca));
    await getAsExpected(byTls(stack.access.ca, (await makeStack()).access.consul));
  });

  it("lets nobody near its servers' own ports without a certificate, or with another stack's", async () => {
    await getAsExpected(asServer(stack.access.ca));
    await getAsExpected(asServer(stack.access.ca, await makeStack()));
    // They wait for the rest of the request of one of their own.
    await getAsExpected(asServer(stack.access.ca, stack, /^silent$/));
  });

  it("lets a job read all keys, and write its own kind only", async () => {
    await ask("Consul", "/v1/kv/page/text", "PUT", "hello");
    const script = [
      `ask() { curl -s -H "X-Consul-Token: $CONSUL_HTTP_TOKEN" "$@"; }`,
      // Nomad would take a single % for its own.
      "status() { ask -o /dev/null -w '%%{http_code} ' \"$@\"; }",
      "url=http://127.0.0.1:8500/v1",
      "put='-T local/text'",
      'said="$(status $put $url/kv/jobs/reader/own)$(status $put $url/kv/page/text)$(status $url/acl/tokens)"',
      'ask -X PUT -d "$said" $url/kv/jobs/reader/said',
    ];
    await runJob(scriptJob("reader", script.join("\n"), { template: '{{ key "page/text" }}' }));
    await until("the job has run", async () => (await readKey("jobs/reader/said")).startsWith("200"));
    const found = await Promise.all(["jobs/reader/said", "jobs/reader/own", "page/text"].map(readKey));
    assert.deepEqual(found, ["200 200 403 403", "200 hello", "200 hello"]);
  });

  it("shows no key to a job that has no identity", async () => {
    await runJob(scriptJob("nobody", "true", { template: '{{ key "page/text" }}', consul: false }));
    await until("it waits for the key", async () => (await eventsOf("nobody")).includes("Missing: kv."));
  });

  it("shows a job's secrets to that job alone", async () => {
    const secret = { Path: "nomad/jobs/owner", Items: { password: "correct horse" } };
    await ask("Nomad", "/v1/var/nomad/jobs/owner", "PUT", JSON.stringify(secret));
    const template = '{{ with nomadVar "nomad/jobs/owner" }}{{ .password }}{{ end }}';
    const script =
      'curl -s -H "X-Consul-Token: $CONSUL_HTTP_TOKEN" -T local/text http://127.0.0.1:8500/v1/kv/jobs/$NOMAD_JOB_NAME';
    await runJob(scriptJob("owner", script, { template }));
    await runJob(scriptJob("other", script, { template }));
    await until("the owner has its secret", async () => (await readKey("jobs/owner")) === "200 correct horse");
    await until("the other one waits", async () => (await eventsOf("other")).includes("Missing: nomad.var.block"));
    assert.match(await readKey("jobs/other"), /^404/);
  });

  it("has a quorum of any two of its machines, whichever of them was off before", async () => {
    await home.kill("pi2");
    await isSeen("pi2", { Healthy: false });
    // Servers look every ten seconds whether one that is off is to lose its vote.
    await pause(25_000);
    await home.lose("pi3");
    home.start("pi2", stack.manifests.server);
    const variable = JSON.stringify({ Path: "quorum", Items: { of: "two" } });
    await until(
      "Consul takes keys",
      async () => (await ask("Consul", "/v1/kv/quorum", "PUT", "of two")) === "200 true",
    );
    await until("Nomad takes variables", async () =>
      /^200 /.test(await ask("Nomad", "/v1/var/quorum", "PUT", variable)),
    );
  });

  it("takes a machine that has lost everything back, with its image alone", async () => {
    await isSeen("pi3", { Healthy: false });
    home.start("pi3", stack.manifests.server);
    await isSeen("pi3", { Voter: true, Healthy: true });
  });

  it("comes back from the one machine that has its data, when both others have lost theirs", async () => {
    for (const lost of ["pi2", "pi3"]) await home.lose(lost);
    for (const lost of ["pi2", "pi3"]) home.start(lost, stack.manifests.server);
    await until("Consul has its keys", async () => (await readKey("quorum")) === "200 of two");
    for (const lost of ["pi2", "pi3"]) await isSeen(lost, { Voter: true, Healthy: true });
    assert.match(await ask("Nomad", "/v1/var/quorum"), /^200 .*"of":"two"/);
  });

  it("lets a stolen worker's card neither become a server, nor read keys, nor run jobs", async () => {
    home.start("guest", stack.thief);
    const isMember = async () => (await ask("Consul", "/v1/agent/members")).includes("192.168.2.200");
    await until("the thief is seen", isMember);
    const { machine, recovery, dns, nomadClient } = stack.held.worker.tokens;
    const own = [machine, recovery, dns, nomadClient];
    const request = (token: string) => ({ path: "/v1/kv/page/text?raw&stale", headers: { "X-Consul-Token": token } });
    const itsOwnServer = { ip: "127.0.0.1", port: 8500 };
    const read = await knock("guest", ...own.map((token) => ({ ...itsOwnServer, http: request(token) })));
    assert.deepEqual(
      read.filter((answer) => answer.includes("hello")),
      [],
    );
    // Refused, or shown as empty; a server breaks off a snapshot that it refuses.
    const nothing = /^40[034]|^500 .*connection reset by peer|^200 (\[\]|null)$/;
    for (const token of own) {
      const all = byTls(stack.access.ca, token).filter(([what]) => /kv|acl|snapshot|jobs|vars|raft/.test(what));
      await getAsExpected(all.map(([what, one]) => [what, one, nothing]));
    }
    const { Servers } = JSON.parse((await ask("Consul", "/v1/operator/raft/configuration")).slice(4)) as {
      Servers: { Address: string; Voter: boolean }[];
    };
    assert.deepEqual(
      Servers.filter(({ Address, Voter }) => Voter && Address.startsWith("192.168.2.200")),
      [],
    );
  });

  it("goes on with its keys, secrets and jobs under a new stack, when the state of the old one is lost", async () => {
    const lost = stack;
    stack = await makeStack();
    await home.kill("guest");
    for (const { name } of machines) await home.kill(name);
    for (const { name, image } of machines) home.start(name, stack.manifests[image]);
    await step("access", "grant", stack.wanted);
    assert.match(await ask("Nomad", "/v1/acl/token/self"), /^200 /);
    const nodes = JSON.parse((await ask("Nomad", "/v1/nodes")).slice(4)) as {
      ID: string;
      Name: string;
      Status: string;
    }[];
    const isOn = (node: (typeof nodes)[number]) =>
      node.Status === "ready" && machines.some(({ name }) => name === node.Name);
    // A job that uses Consul would be placed on no other. The thief's, which is off, may still be said to be ready.
    for (const { ID } of nodes.filter(isOn)) assert.match(await ask("Nomad", `/v1/node/${ID}`), /"consul\.version":"/);
    assert.equal(await readKey("page/text"), "200 hello");
    assert.match(await ask("Nomad", "/v1/var/nomad/jobs/owner"), /correct horse/);
    assert.match(await ask("Nomad", "/v1/jobs"), /"reader"/);
    await getAsExpected(byTls(stack.access.ca, lost.access.consul));
  });
});

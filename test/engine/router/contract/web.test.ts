import assert from "node:assert/strict";
import { z } from "zod";
import { openWeb, Refusal, webSettings } from "../../../../steps/router/base/web.ts";
import { type ContractServer, type Reply, startContractServer } from "./server.ts";
import { refused as refusedInWords } from "./stack-home.ts";

describe("a router's web interface", function () {
  this.timeout(30_000);
  let server: ContractServer;
  let reply: Reply = { status: 200, json: { name: "router" } };
  const schema = z.object({ name: z.string() });
  const never = new AbortController().signal;

  before(async () => {
    server = await startContractServer(() => reply);
  });
  beforeEach(() => {
    reply = { status: 200, json: { name: "router" } };
    server.asked.length = 0;
  });
  after(() => server?.close());

  const web = (change: { url?: string; fingerprint?: string | undefined } = {}, signal = never, patienceMs = 5000) =>
    openWeb("Router", { url: server.url, fingerprint: server.fingerprint, ...change }, signal, patienceMs);
  const ask = (one = web()) =>
    one.ask({
      method: "POST",
      path: "/login?a=b",
      headers: { "x-key": "secret" },
      body: { password: "secret" },
      schema,
    });
  const refused = async (work: Promise<unknown>, ...patterns: RegExp[]) => {
    const message = await refusedInWords(work, ...patterns);
    assert.ok(!message.includes("secret"), message);
  };

  it("is asked over a connection whose certificate has the fingerprint, however that is written", async () => {
    const { fingerprint } = server;
    for (const form of [fingerprint, fingerprint.toLowerCase(), fingerprint.replaceAll(":", "")]) {
      assert.ok(z.object(webSettings("https://192.168.2.2")).safeParse({ url: server.url, fingerprint: form }).success);
      assert.deepEqual(await ask(web({ fingerprint: form })), { name: "router" });
    }
    const { method, path, headers, body } = server.asked[0] ?? assert.fail();
    assert.deepEqual([method, path, headers["x-key"], body], ["POST", "/login?a=b", "secret", { password: "secret" }]);
  });

  it("gets nothing when its certificate is another one, or none that anybody vouches for", async () => {
    const other = server.fingerprint.replace(/^../, (pair) => (pair === "00" ? "01" : "00"));
    await refused(ask(web({ fingerprint: other })), /another certificate/, new RegExp(server.fingerprint));
    await refused(
      ask(web({ fingerprint: undefined })),
      /no authority vouches for \(\w+\)/,
      new RegExp(`^ {2}fingerprint: ${server.fingerprint}$`, "m"),
    );
    assert.equal(server.asked.length, 0);
  });

  it("that says no is quoted, without control characters or a whole page", async () => {
    reply = { status: 403, text: "not \u001b[31mallowed\nmore" };
    await refused(ask(), /^Router at https:\/\/127\.0\.0\.1:\d+ says 403 not \[31mallowed$/);
    await assert.rejects(ask(), (error) => error instanceof Refusal && error.status === 403);
    reply = { status: 502, text: "<html>bad gateway</html>" };
    await refused(ask(), /says 502 with a web page$/);
    reply = { status: 429, json: {}, headers: { "retry-after": "899" } };
    await refused(ask(), /no further request for 899 s$/);
  });

  it("whose answer can't be used is named with the reason", async () => {
    reply = { status: 200, json: { title: "router" } };
    await refused(
      ask(),
      /^no answer from Router at https:\S+: what answers isn't Router \(JSON without a right name\)/,
    );
    reply = { status: 200, text: "<html></html>" };
    await refused(ask(), /isn't Router \(HTML\)/);
    reply = { status: 301, headers: { location: "https://elsewhere.test/" } };
    await refused(ask(), /says 301/);
    reply = { status: 200, text: "x".repeat(9 << 20) };
    await refused(ask(), /more than 8 MiB/);
    for (const [fault, pattern] of [
      ["reset before", /it closes the connection/],
      ["truncated", /no JSON/],
    ] as const) {
      reply = { status: 200, json: { name: "router" } };
      server.failAt(0, fault);
      await refused(ask(), pattern);
    }
  });

  it("that is not there or does not speak TLS is named", async () => {
    await refused(ask(web({ url: "https://127.0.0.1:1" })), /no answer from Router at \S+: connection refused/);
    const plain = await startContractServer(() => reply, { isSecure: false });
    await refused(ask(web({ url: plain.url.replace("http:", "https:") })), /no answer from Router/);
    assert.deepEqual(await ask(web({ url: plain.url, fingerprint: undefined })), { name: "router" });
    await plain.close();
  });

  it("is left alone when the user interrupts", async () => {
    await refused(ask(web({}, AbortSignal.abort())), /interrupted while talking to Router/);
  });

  it("is an address without a path, a user or a password in the settings", () => {
    const { url } = webSettings("https://192.168.2.2");
    for (const good of ["https://pi.hole", "http://192.168.2.2:3000", "https://[fd00::1]:8443"])
      assert.ok(url.safeParse(good).success, good);
    for (const bad of [
      "pi.hole",
      "ftp://pi.hole",
      "https://a:b@pi.hole",
      "https://pi.hole/admin",
      "https://pi hole",
      "",
    ])
      assert.ok(!url.safeParse(bad).success, bad);
  });
});

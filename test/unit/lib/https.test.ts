import assert from "node:assert/strict";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { askJson, NoAnswer } from "../../../lib/http.ts";
import { askAgent } from "../../../steps/agents.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";
import { home } from "../security/stack.ts";

const makeAuthority = () => authorityFor(home);

describe("an agent that answers by TLS", () => {
  let server: Server;
  let ca: string;
  let tokens: unknown[];

  const start = async (options: ServerOptions) => {
    server = createServer(options, ({ headers }, response) => {
      tokens.push(headers["x-consul-token"]);
      response.end("1");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const startWith = async (addresses: string[]) => {
    const authority = await makeAuthority();
    ca = authority.certificate;
    const { certificate, key } = await certify({ authority, commonName: "test", names: [], addresses });
    return await start({ cert: certificate, key });
  };
  const ask = (url: string, trusted: string) =>
    askJson({ who: "Consul", url, ca: trusted, schema: z.number(), timeoutMs: 5000 });
  const access = () => ({
    ca,
    consul: "11111111-1111-8111-8111-111111111111",
    nomad: "22222222-2222-8222-8222-222222222222",
    recovery: "33333333-3333-8333-8333-333333333333",
  });

  beforeEach(() => {
    tokens = [];
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it("is believed with a certificate of the stack's authority, and gets the token", async () => {
    const url = await startWith(["127.0.0.1"]);
    assert.equal(await ask(url, ca), 1);
    await askAgent("Consul", url, z.number(), { access: access() });
    assert.deepEqual(tokens, [undefined, access().consul]);
  });

  it("gets no token when its certificate is of another authority, or for another address", async () => {
    const isDistrusted = (reason: RegExp) => (error: unknown) =>
      error instanceof NoAnswer && error.isDistrusted && reason.test(error.message);
    const url = await startWith(["127.0.0.1"]);
    const stranger = (await makeAuthority()).certificate;
    const asked = askAgent("Consul", url, z.number(), { access: { ...access(), ca: stranger } });
    await assert.rejects(asked, isDistrusted(/^its certificate is of another authority$/));
    server.close();
    const elsewhere = await startWith(["127.0.0.2"]);
    await assert.rejects(ask(elsewhere, ca), isDistrusted(/^its certificate is for another address$/));
    assert.deepEqual(tokens, []);
  });
});

describe("an agent that answers in the clear", () => {
  it("gets no token, and is told to speak no TLS where it should", async () => {
    const { createServer } = await import("node:http");
    const seen: unknown[] = [];
    const server = createServer(({ headers }, response) => {
      seen.push(headers["x-consul-token"]);
      response.end("1");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const id = "11111111-1111-8111-8111-111111111111";
    const access = { ca: (await makeAuthority()).certificate, consul: id, nomad: id, recovery: id };
    try {
      await askAgent("Consul", `http://127.0.0.1:${port}`, z.number(), { access });
      assert.deepEqual(seen, [undefined]);
      const secure = askAgent("Consul", `https://127.0.0.1:${port}`, z.number(), { access });
      await assert.rejects(secure, /^NoAnswer: it doesn't speak TLS$/);
    } finally {
      server.close();
    }
  });
});

import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { authorityFor } from "../../../../steps/security/authority.ts";
import { certify } from "../../../../steps/security/certificate.ts";
import { consulKeys } from "../../../../toolchain/offline/consul-keys.ts";
import { ask } from "../../../../toolchain/offline/http.ts";
import { Nomad } from "../../../../toolchain/offline/nomad-api.ts";
import { say, startStrangers } from "../../cluster/stranger.ts";
import { home } from "../../security/stack.ts";

describe("a stand-in's request", () => {
  it("fails with the address and the reason, whatever is wrong with the answer", async () => {
    const strangers = await startStrangers({
      cut: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", () => socket.destroy()),
      "no-http": (socket) => socket.end("SSH-2.0-x\r\n"),
      refusal: say("\u001b[2JNo cluster leader", "500 Error"),
    });
    const reason = (name: string) => ask(strangers.url(name), `/${name}/x`).catch((error: Error) => error.message);
    try {
      assert.match(String(await reason("cut")), /^Get "http:\/\/\S+\/cut\/x": its answer breaks off$/);
      assert.match(String(await reason("no-http")), /^Get "http:\/\/\S+\/no-http\/x": \w.*HTTP/);
      assert.equal(await reason("refusal"), "Unexpected response code: 500 (No cluster leader)");
    } finally {
      await strangers.close();
    }
  });

  it("ends when it is interrupted", async () => {
    const strangers = await startStrangers({ silent: () => {} });
    try {
      await assert.rejects(
        ask(strangers.url("silent"), "/silent", { signal: AbortSignal.timeout(500) }),
        /interrupted/,
      );
    } finally {
      await strangers.close();
    }
  });

  it("says so when the answer is of another form", async () => {
    for (const text of ["null", "[]", "{}", "[null]", '[{"Value":7}]', '"x"', "hello", ""]) {
      const strangers = await startStrangers({ v1: say(text) });
      const address = new URL(strangers.url("")).origin;
      const context = { settings: { address }, signal: new AbortController().signal, preview: false, log: () => {} };
      const isTold = /^(Get|Put|Post) "\S+": the answer is not what an agent says there$/;
      try {
        const keys = { keys: [{ path: "a", value: "b" }], datacenter: "dc1" };
        // Consul has no such key.
        if (text !== "[]") await assert.rejects(consulKeys.create("a", keys, context), { message: isTold }, text);
        await assert.rejects(consulKeys.create("a", { keys: [] }, context), { message: isTold }, text);
        const nomad = new Nomad({ address });
        await assert.rejects(nomad.job("a", "default", context.signal), { message: isTold }, text);
        await assert.rejects(nomad.register({} as never, context.signal), { message: isTold }, text);
      } finally {
        await strangers.close();
      }
    }
  });

  it("goes to an agent with a certificate of the given authority alone, and takes the token there", async () => {
    const authority = await authorityFor(home);
    const subject = { commonName: "test", names: [], addresses: ["127.0.0.1"] };
    const { certificate, key } = await certify({ authority, ...subject });
    const tokens: unknown[] = [];
    const server = createServer({ cert: certificate, key }, ({ headers }, response) => {
      tokens.push(headers["x-consul-token"] ?? headers["x-nomad-token"]);
      response.end('[{"Value":"Yg==","Flags":0}]');
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { signal } = new AbortController();
    const write = (caPem: string) =>
      consulKeys.create(
        "a",
        { keys: [{ path: "a", value: "b" }], datacenter: "dc1" },
        { settings: { address, token: "ours", caPem }, signal, preview: false, log: () => {} },
      );
    try {
      await write(authority.certificate);
      await new Nomad({ address, secretId: "nomads", caPem: authority.certificate })
        .job("a", "default", signal)
        .catch(() => {});
      assert.deepEqual(tokens, ["ours", "ours", "nomads"]);
      const other = await authorityFor(home);
      await assert.rejects(write(other.certificate), /x509: certificate signed by unknown authority/);
      assert.equal(tokens.length, 3);
    } finally {
      server.close();
    }
  });
});

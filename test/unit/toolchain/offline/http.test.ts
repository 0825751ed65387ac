import assert from "node:assert/strict";
import { consulKeys } from "../../../../toolchain/offline/consul-keys.ts";
import { ask } from "../../../../toolchain/offline/http.ts";
import { Nomad } from "../../../../toolchain/offline/nomad-api.ts";
import { say, startStrangers } from "../../cluster/stranger.ts";

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
});

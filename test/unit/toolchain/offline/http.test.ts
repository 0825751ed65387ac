import assert from "node:assert/strict";
import { ask } from "../../../../toolchain/offline/http.ts";
import { say, startStrangers } from "../../cluster/stranger.ts";

describe("a stand-in's request", () => {
  it("fails with the address and the reason, whatever is wrong with the answer", async () => {
    const strangers = await startStrangers({
      cut: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", () => socket.destroy()),
      "no-http": (socket) => socket.end("SSH-2.0-x\r\n"),
      refusal: say("No cluster leader", "500 Error"),
    });
    const reason = (name: string) => ask(strangers.url(name), `/${name}/x`).catch((error: Error) => error.message);
    try {
      assert.match(String(await reason("cut")), /^Get "http:\/\/\S+\/cut\/x": other side closed$/);
      assert.match(String(await reason("no-http")), /^Get "http:\/\/\S+\/no-http\/x": \w.*HTTP/);
      assert.equal(await reason("refusal"), "Unexpected response code: 500 (No cluster leader)");
    } finally {
      await strangers.close();
    }
  });
});

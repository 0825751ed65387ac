import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { askJson, NoAnswer } from "../../../lib/http.ts";

describe("an agent at a forwarded port", () => {
  let server: Server;
  let now = 0;
  let most = 0;
  let url: string;
  let isHeldBack = (_path: string) => false;

  before(async () => {
    server = createServer((request, response) => {
      if (!isHeldBack(request.url ?? "")) setTimeout(() => response.end("1"), 20);
    });
    server.on("connection", (socket) => {
      most = Math.max(most, ++now);
      socket.once("close", () => now--);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    most = 0;
    isHeldBack = () => false;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (path: string, timeoutMs = 20_000) =>
    askJson({ who: "Consul", url: `${url}${path}`, schema: z.number(), timeoutMs });

  it("gets two connections at a time, whatever it is asked", async () => {
    const answers = await Promise.all(Array.from({ length: 9 }, (_, index) => ask(`/${index}`)));
    assert.deepEqual(answers, Array(9).fill(1));
    assert.equal(most, 2);
  });

  it("answers the rest while it holds one answer back", async () => {
    isHeldBack = (path) => path === "/held";
    const held = ask("/held", 300).catch((error: unknown) => error);
    assert.deepEqual(await Promise.all([ask("/a"), ask("/b")]), [1, 1]);
    assert.ok((await held) instanceof NoAnswer);
    assert.equal(await ask("/after"), 1);
  });
});

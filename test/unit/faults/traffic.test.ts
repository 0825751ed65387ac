import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import type { Ask } from "../../e2e/agent-api.ts";
import { startTraffic } from "../../faults/traffic.ts";

/** As much of Consul's keys and Nomad's variables as the traffic uses. */
function startStore(): Promise<{ server: Server; url: string; keys: Map<string, string> }> {
  const keys = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const path = (request.url ?? "").replace(/\?.*/, "");
    if (request.method === "PUT") {
      keys.set(path, await text(request));
      return response.end("true");
    }
    if (path.startsWith("/v1/var/")) return response.end(keys.get(path));
    const below = [...keys].filter(([key]) => key.startsWith(path));
    const listed = below.map(([key, value]) => ({
      Key: key.replace("/v1/kv/", ""),
      Value: Buffer.from(value).toString("base64"),
    }));
    response.end(JSON.stringify(listed));
  });
  server.listen(0, "127.0.0.1");
  return once(server, "listening").then(() => ({
    server,
    keys,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  }));
}

/** Agents that let everybody in. */
const ask: Ask = async (url, { timeoutMs = 5000, ...request } = {}) => {
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(timeoutMs) });
  return { ok: response.ok, status: response.status, text: await response.text() };
};

describe("the traffic of the fault suite", () => {
  it("finds each acknowledged write, and names what is lost, changed or older", async () => {
    const { server, url, keys } = await startStore();
    const urls = { consul: url, nomad: url };
    const traffic = startTraffic(["pi1", "pi2"], (name) => (name === "pi1" ? urls : undefined), ask);
    while (traffic.count() < 3) await pause(50);
    await traffic.stop();
    assert.deepEqual(await traffic.lost(urls), []);
    keys.delete("/v1/kv/faults/pi1/1");
    keys.set("/v1/kv/faults/pi1/2", "another");
    keys.set("/v1/var/faults/pi1", JSON.stringify({ Items: { number: "0" } }));
    const lost = await traffic.lost(urls);
    server.close();
    assert.deepEqual(lost.slice(0, 2), ["faults/pi1/1 is lost", "faults/pi1/2 is lost"]);
    assert.match(lost[2] ?? "", /^the variable faults\/pi1 is 0, after [1-9]\d* was acknowledged$/);
    assert.equal(lost.length, 3);
    assert.ok([...keys.keys()].every((key) => !key.includes("pi2")));
  });
});

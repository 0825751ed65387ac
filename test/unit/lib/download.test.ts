import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { z } from "zod";
import { downloadBytes } from "../../../lib/download.ts";
import { askJson } from "../../../lib/http.ts";

const variables = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

describe("a download", () => {
  let publisher: Server;
  let proxy: Server;
  /** What the proxy was asked for. */
  let asked: string[];
  let before: Record<string, string | undefined>;
  const tunnels = new Set<Socket>();

  beforeEach("a publisher, a proxy, and none of the user's own variables", async () => {
    before = Object.fromEntries(variables.map((name) => [name, process.env[name]]));
    for (const name of variables) delete process.env[name];
    publisher = await listen(createServer((request, response) => response.end(JSON.stringify(request.url))));
    asked = [];
    proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end("from the proxy");
    });
    proxy.on("connect", (request, socket: Socket) => {
      asked.push(`${request.method} ${request.url}`);
      const there = connect((publisher.address() as AddressInfo).port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(there).pipe(socket);
      });
      for (const end of [socket, there]) tunnels.add(end.on("error", () => {}));
    });
    await listen(proxy);
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    for (const socket of tunnels) socket.destroy();
    tunnels.clear();
    for (const server of [publisher, proxy]) {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }
  });

  for (const variable of ["http_proxy", "HTTP_PROXY"])
    it(`goes through the proxy of ${variable}`, async () => {
      process.env[variable] = addressOf(proxy);
      assert.equal((await downloadBytes("http://example.invalid/file")).toString(), "from the proxy");
      assert.deepEqual(asked, ["GET http://example.invalid/file"]);
    });

  it("gets a tunnel through the proxy of https_proxy where TLS is spoken", async () => {
    process.env.https_proxy = addressOf(proxy);
    // The publisher at the tunnel's other end speaks no TLS.
    await assert.rejects(downloadBytes("https://example.invalid/file"), /example\.invalid can't be reached/);
    assert.deepEqual(asked, ["CONNECT example.invalid:443"]);
  });

  it("goes straight to what no_proxy names", async () => {
    process.env.http_proxy = addressOf(proxy);
    process.env.no_proxy = "localhost,127.0.0.1";
    assert.equal((await downloadBytes(`${addressOf(publisher)}/file`)).toString(), '"/file"');
    assert.deepEqual(asked, []);
  });

  it("is no question to the cluster's own agents: these go straight", async () => {
    process.env.http_proxy = addressOf(proxy);
    const question = { who: "Consul", url: `${addressOf(publisher)}/v1`, schema: z.string(), timeoutMs: 10_000 };
    assert.equal(await askJson(question), "/v1");
    assert.deepEqual(asked, []);
  });

  for (const url of ["http://example.invalid/file", "https://example.invalid/file"])
    it(`of ${url} names the variable where the proxy can't be reached`, async () => {
      const gone = await listen(createServer());
      const { host } = new URL(addressOf(gone));
      gone.close();
      await once(gone, "close");
      process.env.http_proxy = `http://user:secret@${host}`;
      await assert.rejects(downloadBytes(url), {
        name: "Unreachable",
        message: `example.invalid can't be reached (connect ECONNREFUSED ${host}; http_proxy names ${host} as the proxy)`,
      });
    });

  it("is refused, without telling the password, where the variable is no address", async () => {
    process.env.https_proxy = "user:secret@proxy:3128";
    await assert.rejects(downloadBytes("https://example.invalid/file"), {
      name: "UserError",
      message: "The variable https_proxy must be a proxy's address such as http://HOST:PORT",
    });
  });
});

async function listen(server: Server): Promise<Server> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

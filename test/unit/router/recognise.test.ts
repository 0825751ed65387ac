import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { recogniseRouter } from "../../../steps/router/recognise.ts";

/** What each kind answers to somebody who has not logged in: method and path → status and body. */
const routers: [kind: string, answers: Record<string, [number, string]>][] = [
  [
    "pihole",
    { "GET /api/auth": [401, '{"session":{"valid":false,"totp":false,"sid":null,"validity":-1},"took":0.1}'] },
  ],
  ["adguard", { "GET /control/login": [405, "only method POST is allowed\n"] }],
  ["openwrt", { "POST /ubus": [200, '{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"Access denied"}}'] }],
  ["unifi", { "GET /api/system": [200, '{"hardware":{"shortname":"UDMPRO"},"name":"Home"}'] }],
  ["unifi", { "GET /status": [200, '{"meta":{"rc":"ok","up":true,"server_version":"8.0.7"},"data":[]}'] }],
  ["routeros", { "GET /rest": [401, '{"error":401,"message":"Unauthorized"}'] }],
  ["opnsense", { "GET /api/core/firmware/status": [401, '{"status":401,"message":"Authentication Failed"}'] }],
  [
    "pfsense",
    { "GET /api/v2/status/system": [401, '{"code":401,"status":"unauthorized","response_id":"AUTH","data":[]}'] },
  ],
  [
    "fritzbox",
    { "GET /tr64desc.xml": [200, "<root><device><friendlyName>FRITZ!Box 7590</friendlyName></device></root>"] },
  ],
  ["kea", { "POST /": [401, '{ "result": 401, "text": "Unauthorized" }'] }],
  ["kea", { "POST /": [200, '[{"arguments":["build-report","config-get"],"result":0}]'] }],
];

async function withServer(answers: Record<string, [number, string]>, look: (url: string) => Promise<void>) {
  const credentials: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    credentials.push(request.headers.authorization, request.headers.cookie);
    const [status, body] = answers[`${request.method} ${request.url}`] ?? [404, "<html>Not Found</html>"];
    response.writeHead(status).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await look(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    assert.ok(credentials.length > 0 && credentials.every((one) => one === undefined));
  } finally {
    server.close();
  }
}

describe("a router that nobody has logged in to", () => {
  const { signal } = new AbortController();

  for (const [kind, answers] of routers)
    it(`is recognised: ${kind}, by ${Object.keys(answers)}`, () =>
      withServer(answers, async (url) => {
        assert.deepEqual(await recogniseRouter(url, signal), { kind, url, fingerprint: undefined });
      }));

  it("is none that piinit knows if it answers otherwise", async () => {
    for (const body of ["<html>Router</html>", "{}", "[]", "null", '{"result":0}', '{"session":{}}'])
      await withServer(
        Object.fromEntries(routers.flatMap(([, answers]) => Object.keys(answers)).map((asked) => [asked, [200, body]])),
        async (url) => assert.equal(await recogniseRouter(url, signal), undefined),
      );
  });

  it("is none where nothing answers", async () => {
    let closed = "";
    await withServer({}, async (url) => {
      closed = url;
      await recogniseRouter(url, signal);
    });
    assert.equal(await recogniseRouter(closed, signal), undefined);
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { openPage, type Page } from "../../../cli/ui/page.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";

const makeAuthority = () => authorityFor({ domain: "home.arpa", cidr: "192.168.2.0/24", generation: 1 });

describe("an agent's page on this computer", () => {
  let agent: Server;
  let page: Page;
  let address: URL;
  let seen: IncomingHttpHeaders[];

  const open = async (isKnown = true) => {
    const authority = await makeAuthority();
    const subject = { commonName: "test", names: [], addresses: ["127.0.0.1"] };
    const { certificate, key } = await certify({ authority, ...subject });
    agent = createServer({ cert: certificate, key }, (asked, response) => {
      seen.push(asked.headers);
      response.end(`the page ${asked.url}`);
    });
    agent.on("upgrade", (asked, socket) => {
      seen.push(asked.headers);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
      socket.on("data", (data) => socket.end(`echo ${data}`));
    });
    await new Promise<void>((done) => agent.listen(0, "127.0.0.1", done));
    page = await openPage({
      url: `https://127.0.0.1:${(agent.address() as AddressInfo).port}`,
      start: "/ui/",
      ca: (isKnown ? authority : await makeAuthority()).certificate,
      header: "X-Consul-Token",
      token: "owner",
    });
    address = new URL(page.link);
  };
  beforeEach(() => {
    seen = [];
  });
  afterEach(() => {
    page.close();
    agent.closeAllConnections();
    agent.close();
  });

  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const asked = request({ host: "127.0.0.1", port: address.port, path, headers: { host: address.host, ...headers } });
    asked.end();
    const [response] = await once(asked, "response");
    return { status: response.statusCode, headers: response.headers, text: await text(response) };
  };
  const signIn = async () => {
    const { headers } = await ask(address.pathname + address.search);
    return { cookie: String(headers["set-cookie"]?.[0]?.split(";")[0]) };
  };

  it("is signed in for who has the link", async () => {
    await open();
    const { status, headers } = await ask(address.pathname + address.search);
    assert.deepEqual([status, headers.location], [302, "/ui/"]);
    assert.match(String(headers["set-cookie"]), /; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = await signIn();
    assert.equal((await ask("/ui/?a=b", cookie)).text, "the page /ui/?a=b");
    assert.equal(seen.at(-1)?.["x-consul-token"], "owner");
    assert.equal(seen.at(-1)?.cookie, undefined);
    await ask("/v1/kv/", { ...cookie, "x-consul-token": "another" });
    assert.equal(seen.at(-1)?.["x-consul-token"], "another");
  });

  it("is refused to everybody else: other programs, names that lead here, pages of other sites", async () => {
    await open();
    const cookie = await signIn();
    const others = [
      {},
      { cookie: cookie.cookie.replace(/.$/, "_") },
      { ...cookie, host: `evil.example:${address.port}` },
      { ...cookie, origin: "http://evil.example" },
    ];
    for (const headers of others) assert.equal((await ask("/v1/kv/", headers)).status, 403);
    assert.equal((await ask("/open?key=guess")).status, 403);
    assert.equal((await ask(address.pathname + address.search, { host: "evil.example" })).status, 403);
    assert.deepEqual(seen, []);
  });

  it("passes a terminal's connection on, for who is signed in", async () => {
    await open();
    const { cookie } = await signIn();
    const speak = async (headers: string) => {
      const socket = connect(Number(address.port), "127.0.0.1");
      socket.write(
        `GET /exec HTTP/1.1\r\nhost: ${address.host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${headers}\r\n`,
      );
      socket.once("data", () => socket.write("hello"));
      return (await text(socket)).split("\r\n\r\n").at(-1);
    };
    assert.equal(await speak(`cookie: ${cookie}\r\n`), "echo hello");
    assert.equal(seen.at(-1)?.["x-consul-token"], "owner");
    assert.equal(await speak(""), "");
    assert.equal(seen.length, 1);
  });

  it("shows no token to an agent with another authority's certificate, and says so", async () => {
    await open(false);
    const { status, text } = await ask("/ui/", await signIn());
    assert.deepEqual([status, seen], [502, []]);
    assert.match(text, /certificate/);
  });
});

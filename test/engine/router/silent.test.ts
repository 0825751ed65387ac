import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { UserError } from "../../../lib/errors.ts";
import { silent } from "../../../lib/progress.ts";
import { openRouter, type RouterSettings } from "../../../steps/router/catalogue.ts";
import { whyNoSshd } from "../sshd.ts";
import { machine } from "./bench.ts";

/** Settings of every kind of router that is reached over the network, at an address of ours. */
function settingsAt(port: number): RouterSettings[] {
  const url = `http://127.0.0.1:${port}`;
  const login = { user: "admin", password: "correct horse" };
  const ssh = {
    host: "127.0.0.1",
    user: "root",
    port,
    hostKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`,
  };
  return [
    { kind: "adguard", url, ...login },
    // It does not answer the handshake.
    { kind: "adguard", url: url.replace("http:", "https:"), fingerprint: "00".repeat(32), ...login },
    { kind: "fritzbox", url, ...login },
    { kind: "kea", url, ...login, persist: true },
    { kind: "opnsense", url, server: "kea", apiKey: "key", apiSecret: "secret" },
    { kind: "pfsense", url, interface: "lan", apiKey: "key" },
    { kind: "pihole", url, password: login.password },
    { kind: "routeros", url, ...login },
    { kind: "unifi", url, site: "default", ...login },
    { kind: "unifi", url, site: "default", apiKey: "key" },
    { kind: "dnsmasq", ...ssh, hostsDir: "/etc/hosts.d" },
    { kind: "kea", ...ssh, persist: true },
    { kind: "openwrt", ...ssh },
  ];
}

describe("a router that takes connections and says nothing", function () {
  this.timeout(240_000);

  it("is named with its address, whatever it is asked", async function () {
    const why = await whyNoSshd();
    if (why) this.skip();
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      await Promise.all(settingsAt(port).flatMap((settings) => questionsTo(settings).map((ask) => isNamed(port, ask))));
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
});

function questionsTo(settings: RouterSettings): (() => Promise<unknown>)[] {
  const router = openRouter(settings, { progress: silent, signal: new AbortController().signal });
  const [pi1] = [machine(1)];
  const table = { owner: "home", reservations: [pi1], previous: [pi1] };
  return [
    () => router.apply(table),
    // A FRITZ!Box is not asked for that.
    ...(settings.kind === "fritzbox" ? [] : [() => router.clear(table)]),
    () => router.lost([pi1]),
    async () => router.leases(),
  ];
}

async function isNamed(port: number, ask: () => Promise<unknown>): Promise<void> {
  const error: Error = await ask().then(
    () => assert.fail("was answered"),
    (reason) => reason,
  );
  assert.ok(error instanceof UserError, String(error.stack));
  assert.match(
    error.message,
    new RegExp(
      `no answer from .* at https?://127\\.0\\.0\\.1:${port}: silent for \\d+ s|can't reach the router 127\\.0\\.0\\.1, port ${port}: Connection timed out[^]*Is it on`,
    ),
  );
  // Nothing was changed, so nothing may be half changed.
  assert.doesNotMatch(error.message, /half changed|old reservations/);
}

import assert from "node:assert/strict";
import { probe, recogniseRouter } from "../../../../steps/router/recognise.ts";
import { signs } from "../../../../steps/router/signs.ts";
import { startAdGuard } from "./adguard-server.ts";
import { startFritzBox } from "./fritzbox-server.ts";
import { startKeaContract } from "./kea-server.ts";
import { startOpnsense } from "./opnsense-server.ts";
import { startPfsense } from "./pfsense-server.ts";
import { startPiHole } from "./pihole-server.ts";
import { startRouterOs } from "./routeros-server.ts";
import type { ContractServer } from "./server.ts";
import { startUniFi } from "./unifi-server.ts";

/** Every web interface that piinit drives: what it is, how to start it, and the question that tells it. */
const interfaces: [kind: string, title: string, question: string, start: () => Promise<ContractServer>][] = [
  ["pihole", "Pi-hole", "/api/auth", startPiHole],
  ["adguard", "AdGuard Home", "/control/login", startAdGuard],
  ["unifi", "a UniFi console", "/api/system", startUniFi],
  ["unifi", "a UniFi controller", "/status", async () => Object.assign(await startUniFi(), { isConsole: false })],
  ["routeros", "RouterOS", "/rest", startRouterOs],
  ["opnsense", "OPNsense", "/api/core/firmware/status", () => startOpnsense("kea")],
  ["pfsense", "pfSense", "/api/v2/status/system", startPfsense],
  ["fritzbox", "a FRITZ!Box", "/tr64desc.xml", startFritzBox],
  ["kea", "Kea", "/", () => startKeaContract(true)],
];

describe("a router's documented interface, asked what it is", function () {
  this.timeout(30_000);
  const { signal } = new AbortController();

  for (const [kind, title, question, start] of interfaces)
    it(`is ${kind} for ${title}, by one question and by none of another kind`, async () => {
      const server = await start();
      try {
        const { url, fingerprint } = server;
        assert.deepEqual(await recogniseRouter(url, signal), { kind, url, fingerprint });
        const answers = await Promise.all(
          signs.map(async (sign) => ((await probe(url, sign, signal)) ? [`${sign.kind} ${sign.path}`] : [])),
        );
        assert.deepEqual(answers.flat(), [`${kind} ${question}`]);
        for (const { headers } of server.asked)
          assert.ok(!("authorization" in headers || "cookie" in headers || "x-api-key" in headers));
      } finally {
        await server.close();
      }
    });

  it("is asked every question that there is, except that of OpenWrt, which piinit drives over SSH alone", () => {
    const tried = interfaces.map(([kind, , question]) => `${kind} ${question}`);
    const known = signs.map(({ kind, path }) => `${kind} ${path}`);
    assert.deepEqual(
      known.filter((one) => !tried.includes(one)),
      ["openwrt /ubus"],
    );
  });
});

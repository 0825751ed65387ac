import { faultCases } from "../engine/router/contract/faults.ts";
import { benchOf as opnsense } from "../engine/router/contract/opnsense-bench.ts";
import { startOpnsense } from "../engine/router/contract/opnsense-server.ts";
import { benchOf as pfsense } from "../engine/router/contract/pfsense-bench.ts";
import { startPfsense } from "../engine/router/contract/pfsense-server.ts";
import { benchOf as piHole } from "../engine/router/contract/pihole-bench.ts";
import { startPiHole } from "../engine/router/contract/pihole-server.ts";

// These routers start something again after each change, which takes a second, and their drivers wait for it.

faultCases("Pi-hole's documented interface", async () => {
  const server = await startPiHole();
  return { server, bench: piHole(server), expire: () => server.sessions.clear() };
});

// Its requests are the same for both of its servers.
faultCases("OPNsense's documented interface", async () => {
  const server = await startOpnsense("kea");
  return { server, bench: opnsense(server) };
});

faultCases("pfSense's documented interface", async () => {
  const server = await startPfsense();
  return { server, bench: pfsense(server) };
});

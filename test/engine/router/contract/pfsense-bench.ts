import assert from "node:assert/strict";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Random } from "../../../random.ts";
import type { Bench } from "../bench.ts";
import { brokenWebSettings } from "./broken.ts";
import { apiKey, freshState, type PfsenseContract, type StoredMapping, startPfsense } from "./pfsense-server.ts";
import { leasesOf, type Real, realKea } from "./real.ts";

export const settingsOf = ({ url, fingerprint }: PfsenseContract, change: object = {}) =>
  ({ kind: "pfsense", url, fingerprint, interface: "lan", apiKey, ...change }) as RouterSettings;

export async function realBench(): Promise<Bench> {
  const kea = await realKea();
  const real = kea && { ...kea, start: (mappings: readonly StoredMapping[]) => kea.start(mappings.map(keaHost)) };
  return benchOf(await startPfsense(real && { start: real.start }), real);
}

const keaHost = ({ mac, cid, ipaddr, hostname }: StoredMapping) => ({
  ...(mac ? { "hw-address": mac } : { "client-id": cid }),
  ...(ipaddr && { "ip-address": ipaddr }),
  ...(hostname ? { hostname } : {}),
});

export function benchOf(pfsense: PfsenseContract, real?: Real<StoredMapping>): Bench {
  const { state } = pfsense;
  let theirs: string[] = [];
  const add = (mappings: readonly StoredMapping[]) => {
    theirs.push(...mappings.map((one) => JSON.stringify(one)));
    state.saved = [...state.saved, ...mappings];
    state.live = state.saved;
  };
  return {
    settings: settingsOf(pfsense),
    marksOwners: true,
    putOthers: async (reservations) =>
      add(reservations.map(({ mac, ip, name }) => ({ mac, ipaddr: ip, hostname: name, descr: "by hand" }))),
    putOddOthers: async (random) => add(oddMappings(random)),
    others: async () =>
      state.saved
        .map((one) => JSON.stringify(one))
        .filter((one) => theirs.includes(one))
        .sort()
        .join("\n"),
    async reserved() {
      assert.deepEqual(state.live, state.saved, "its server does not run with what is in its configuration");
      return state.live.flatMap(({ mac, ipaddr: ip, hostname }) =>
        mac && ip && hostname ? [{ mac, ip, name: String(hostname) }] : [],
      );
    },
    async putLease({ mac, ip, name, expires }) {
      const ends = new Date(expires * 1000).toISOString().replaceAll("-", "/").replace("T", " ").slice(0, 19);
      const active_status = expires * 1000 > Date.now() ? "active" : "expired";
      state.leases.push({ ip, mac, hostname: name, if: "lan", ends, active_status, online_status: "idle/offline" });
    },
    async turnOff() {
      state.enable = false;
    },
    async cost() {
      const cost = { logins: state.wrong, reloads: state.applies };
      Object.assign(state, { wrong: 0, applies: 0 });
      return cost;
    },
    async reset() {
      theirs = [];
      Object.assign(state, { ...freshState(), start: state.start });
      await real?.start([]);
    },
    ...leasesOf(real),
    broken: [
      ...brokenWebSettings((change) => settingsOf(pfsense, change), /not accept the API key.*tried once/, "apiKey"),
      { what: "interface", settings: settingsOf(pfsense, { interface: "opt7" }), says: /says 404: Parent not found/ },
    ],
    secrets: [apiKey],
    async close() {
      await pfsense.close();
      await real?.close();
    },
  };
}

/** What people enter: only a name, upper case, another identifier, marks of others, options. */
function oddMappings({ below, pick }: Random): StoredMapping[] {
  return Array.from({ length: 20 }, (_, index) => {
    const mac = `02:00:00:00:${below(90) + 10}:${index + 10}`;
    const ipaddr = `192.168.2.${150 + index}`;
    return pick<StoredMapping>([
      { mac: mac.toUpperCase(), ipaddr, hostname: `X${index}`, descr: "piinit" },
      { mac, ipaddr: null, hostname: `x${index}`, descr: "piinit.garage" },
      { mac: "", cid: `01:02:${index + 10}`, ipaddr, hostname: null, descr: 'it\'s "mine"' },
      { mac, ipaddr, hostname: `x${index}.home.lan`, descr: "", dnsserver: ["10.1.1.1"], defaultleasetime: 600 },
    ]);
  });
}

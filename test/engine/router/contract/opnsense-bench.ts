import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Random } from "../../../random.ts";
import type { Bench } from "../bench.ts";
import { brokenWebSettings } from "./broken.ts";
import {
  apiKey,
  apiSecret,
  freshState,
  type OpnsenseContract,
  type ServerName,
  type StoredRow,
  startOpnsense,
} from "./opnsense-server.ts";
import { leasesOf, type Real, realDnsmasq, realKea } from "./real.ts";

export const settingsOf = ({ url, fingerprint, server }: OpnsenseContract, change: object = {}) =>
  ({ kind: "opnsense", url, fingerprint, server, apiKey, apiSecret, ...change }) as RouterSettings;

/** With the real server underneath, if it can be had here: a machine then gets what OPNsense's rows make of it. */
export async function realBench(server: ServerName): Promise<Bench> {
  const real = await (server === "kea" ? startKea() : startDnsmasq());
  return benchOf(await startOpnsense(server, real && { start: real.start }), real);
}

async function startKea(): Promise<Real<StoredRow> | undefined> {
  const real = await realKea();
  return real && { ...real, start: (rows) => real.start(rows.map(keaHost)) };
}

async function startDnsmasq(): Promise<Real<StoredRow> | undefined> {
  const real = await realDnsmasq();
  const isHost = ({ hwaddr, client_id }: StoredRow) => hwaddr || client_id;
  return real && { ...real, start: (rows) => real.start(rows.filter(isHost).map(dnsmasqHost)) };
}

const keaHost = ({ uuid, hw_address, client_id, ip_address, hostname, description }: StoredRow) => ({
  ...(hw_address ? { "hw-address": hw_address.replaceAll("-", ":") } : { "client-id": client_id }),
  ...(ip_address && { "ip-address": ip_address }),
  ...(hostname && { hostname }),
  "user-context": { uuid, description },
});

const dnsmasqHost = ({ hwaddr, client_id, ip, host, ignore }: StoredRow) =>
  [hwaddr, client_id && `id:${client_id}`, ip, host, ignore === "1" && "ignore"].filter(Boolean).join(",");

export function benchOf(opnsense: OpnsenseContract, real?: Real<StoredRow>): Bench {
  const { server, state } = opnsense;
  let theirs: string[] = [];
  const add = (rows: readonly Record<string, string>[]) => {
    const subnet = state.subnets[1]?.uuid ?? "";
    const stored = rows.map((row) => ({ uuid: randomUUID(), ...(server === "kea" && { subnet }), ...row }));
    theirs.push(...stored.map(({ uuid }) => uuid));
    state.saved = [...state.saved, ...stored];
    state.live = state.saved;
  };
  return {
    settings: settingsOf(opnsense),
    marksOwners: true,
    putOthers: async (reservations) => add(reservations.map(rowOf[server])),
    putOddOthers: async (random) => add(oddRows[server](random)),
    others: async () =>
      state.saved
        .filter(({ uuid }) => theirs.includes(uuid))
        .map((row) => JSON.stringify(row))
        .join("\n"),
    async reserved() {
      assert.deepEqual(state.live, state.saved, "its server does not run with what is in its settings");
      return state.live.flatMap(reservationOf[server]);
    },
    async putLease({ mac, ip, name, expires }) {
      state.leases.push({ address: ip, hwaddr: mac, hostname: name || "*", expire: String(expires), mac_info: "" });
    },
    async turnOff() {
      state.status = "stopped";
    },
    async cost() {
      const cost = { logins: state.wrong, reloads: state.reconfigures };
      Object.assign(state, { wrong: 0, reconfigures: 0 });
      return cost;
    },
    async reset() {
      theirs = [];
      Object.assign(state, { ...freshState(), start: state.start });
      await real?.start([]);
    },
    ...leasesOf(real),
    broken: brokenWebSettings(
      (change) => settingsOf(opnsense, change),
      /not accept the API key.*tried once/,
      "apiSecret",
    ),
    secrets: [apiKey, apiSecret, Buffer.from(`${apiKey}:${apiSecret}`).toString("base64")],
    async close() {
      await opnsense.close();
      await real?.close();
    },
  };
}

const rowOf: Record<ServerName, (one: Reservation) => Record<string, string>> = {
  kea: ({ mac, ip, name }) => ({ hw_address: mac, ip_address: ip, hostname: name, description: "by hand" }),
  dnsmasq: ({ mac, ip, name }) => ({ hwaddr: mac, ip, host: name, domain: "", descr: "" }),
};

const reservationOf: Record<ServerName, (row: StoredRow) => Reservation[]> = {
  kea: ({ hw_address: mac, ip_address: ip, hostname: name }) => (mac && ip && name ? [{ mac, ip, name }] : []),
  dnsmasq: ({ hwaddr, ip, host: name }) => (hwaddr?.length === 17 && ip && name ? [{ mac: hwaddr, ip, name }] : []),
};

/** What people enter: other identifiers, only a name, several MACs, upper case, names for DNS, marks of others. */
const oddRows: Record<ServerName, (random: Random) => Record<string, string>[]> = {
  kea: ({ below, pick }) =>
    numbers.map((index) => {
      const mac = `02:00:00:00:${below(90) + 10}:${index + 10}`;
      const ip_address = `192.168.2.${150 + index}`;
      return pick([
        { hw_address: mac.toUpperCase(), ip_address, hostname: `x${index}.home.lan`, description: "piinit" },
        { hw_address: mac.replaceAll(":", "-"), ip_address, hostname: `x${index}`, description: "piinit.garage" },
        { client_id: `01:02:${index + 10}`, ip_address, description: 'it\'s "mine"' },
        { hw_address: mac, ip_address, hostname: "" },
      ]);
    }),
  dnsmasq: ({ below, pick }) =>
    numbers.map((index) => {
      const hwaddr = `02:00:00:00:${below(90) + 10}:${index + 10}`;
      const ip = `192.168.2.${150 + index}`;
      return pick([
        { hwaddr: `${hwaddr},02:00:00:01:00:${index + 10}`, ip, host: `x${index}`, descr: "piinit" },
        { hwaddr: hwaddr.toUpperCase(), ip: "", host: `x${index}`, descr: "piinit.garage" },
        { hwaddr, ip, host: "", ignore: "1" },
        { client_id: `01:02:${index + 10}`, ip, host: `x${index}` },
        // A name for DNS alone.
        { hwaddr: "", ip: "192.168.2.51,fd00::1", host: "pi1", domain: "other.lan" },
      ]);
    }),
};
const numbers = Array.from({ length: 20 }, (_, index) => index);

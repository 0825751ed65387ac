import { randomUUID } from "node:crypto";
import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

export type ServerName = "kea" | "dnsmasq";

/** A row as OPNsense stores it: every field a text. */
export type StoredRow = { uuid: string } & Record<string, string>;

interface State {
  /** What its settings have now, and what the DHCP server runs with. */
  saved: StoredRow[];
  live: StoredRow[];
  subnets: ({ uuid: string; subnet: string } & Record<string, string>)[];
  ranges: StoredRow[];
  status: "running" | "stopped" | "disabled";
  leases: Record<string, unknown>[];
  /** Requests with a wrong key. */
  wrong: number;
  reconfigures: number;
  /** The key's user lacks the privilege. */
  forbidden: boolean;
  /** Rows name their subnet by its text, as older versions do. */
  old: boolean;
  /** The server ends over such a row, though OPNsense says "ok". */
  endsOver: (row: StoredRow) => boolean;
  /** Starts a real server with the rows. */
  start: (rows: readonly StoredRow[]) => Promise<void>;
}

/** OPNsense's interface as its source has it, with one of its DHCP servers. */
export interface OpnsenseContract extends ContractServer {
  server: ServerName;
  state: State;
}

export const apiKey = "k3y/of+a-user";
export const apiSecret = "s3cret/of+that-key";

export const freshState = (): State => ({
  saved: [],
  live: [],
  subnets: [
    { uuid: randomUUID(), subnet: "10.9.0.0/24" },
    {
      uuid: randomUUID(),
      subnet: "192.168.2.0/24",
      pools: "192.168.2.200-192.168.2.250\n192.168.2.252/31",
      "option_data.domain_name": "home.lan",
    },
  ],
  ranges: [
    { uuid: randomUUID(), start_addr: "192.168.2.200", end_addr: "192.168.2.250", mode: "", domain: "home.lan" },
    { uuid: randomUUID(), start_addr: "fd00::100", end_addr: "fd00::200", mode: "", constructor: "lan" },
  ].map((row) => ({ interface: "lan", subnet_mask: "", ...row })),
  status: "running",
  leases: [],
  wrong: 0,
  reconfigures: 0,
  forbidden: false,
  old: false,
  endsOver: () => false,
  start: async () => undefined,
});

export async function startOpnsense(server: ServerName, change: Partial<State> = {}): Promise<OpnsenseContract> {
  const state = { ...freshState(), ...change };
  return { server, state, ...(await startContractServer((asked) => answer(server, state, asked))) };
}

const ok = (json: unknown): Reply => ({ status: 200, json });
const places = {
  kea: { rows: "/api/kea/dhcpv4", item: "reservation", leases: "/api/kea/leases4/search" },
  dnsmasq: { rows: "/api/dnsmasq/settings", item: "host", leases: "/api/dnsmasq/leases/search" },
};

async function answer(server: ServerName, state: State, asked: Asked): Promise<Reply> {
  const { method, path, headers, body } = asked;
  if (headers.authorization !== `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString("base64")}`) {
    state.wrong++;
    return { status: 401, json: { status: 401, message: "Authentication Failed" } };
  }
  if (state.forbidden) return { status: 403, json: { status: 403, message: "Forbidden" } };
  if (method === "POST" && body === undefined)
    return { status: 400, json: { status: 400, message: "Invalid JSON syntax" } };
  const { rows, item, leases } = places[server];
  if (path === `/api/${server}/service/status`) return ok({ status: state.status, widget: {} });
  if (path === leases) return ok(listed(state.leases));
  if (path === `${rows}/search_${item}`) return ok(listed(state.saved.map((row) => shown(server, state, row))));
  if (path === `${rows}/search_subnet` && server === "kea") return ok(listed(state.subnets));
  if (path === `${rows}/search_range` && server === "dnsmasq") return ok(listed(state.ranges));
  if (method !== "POST") return ok({ result: "failed" });
  if (path === `/api/${server}/service/reconfigure`) return reconfigure(state);
  const [, verb, uuid] = new RegExp(`^${rows}/(add|set|del)_${item}(?:/([\\w-]+))?$`).exec(path) ?? [];
  const given = (body as Record<string, Record<string, string>>)[item] ?? {};
  if (verb === "add" && !uuid) return save(server, state, { uuid: randomUUID() }, given);
  // It creates what it does not know.
  if (verb === "set" && uuid) return save(server, state, rowOf(state, uuid) ?? { uuid }, given);
  if (verb === "del" && uuid) return remove(state, uuid);
  return { status: 404, json: { errorMessage: "Endpoint not found" } };
}

const listed = (rows: readonly object[]) => ({ rows, rowCount: rows.length, total: rows.length, current: 1 });
const rowOf = ({ saved }: State, uuid: string) => saved.find((row) => row.uuid === uuid);

function shown(server: ServerName, { subnets, old }: State, row: StoredRow): StoredRow {
  if (server !== "kea") return row;
  const subnet = subnets.find(({ uuid }) => uuid === row.subnet)?.subnet ?? "";
  return old ? { ...row, subnet } : { ...row, "%subnet": subnet };
}

async function reconfigure(state: State): Promise<Reply> {
  state.reconfigures++;
  if (state.status === "disabled") return ok({ status: "ok" });
  state.live = state.saved;
  state.status = state.live.some(state.endsOver) ? "stopped" : "running";
  if (state.status === "running") await state.start(state.live);
  return ok({ status: "ok" });
}

function save(server: ServerName, state: State, before: StoredRow, given: Record<string, string>): Reply {
  const row = { ...before, ...given };
  const validations = server === "kea" ? keaFaults(state, row) : dnsmasqFaults(state, row);
  if (Object.keys(validations).length > 0) return ok({ result: "failed", validations });
  const isNew = !state.saved.includes(before);
  state.saved = isNew ? [...state.saved, row] : state.saved.map((one) => (one === before ? row : one));
  return ok({ result: "saved", ...(isNew && { uuid: row.uuid }) });
}

function remove(state: State, uuid: string): Reply {
  const found = rowOf(state, uuid);
  state.saved = state.saved.filter((row) => row !== found);
  return ok({ result: found ? "deleted" : "not found" });
}

function keaFaults({ saved, subnets }: State, row: StoredRow): Record<string, unknown> {
  const others = saved.filter(({ uuid }) => uuid !== row.uuid);
  const subnet = subnets.find(({ uuid }) => uuid === row.subnet)?.subnet;
  const faults: Record<string, unknown> = {};
  if (!subnet) faults["reservation.subnet"] = "Related subnet not found.";
  if (row.ip_address && others.some((one) => one.ip_address === row.ip_address))
    faults["reservation.ip_address"] = ["Duplicate entry exists.", "Address taken."];
  else if (!row.ip_address?.startsWith(subnet?.replace("0/24", "") ?? "none"))
    faults["reservation.ip_address"] = "Address not in specified subnet";
  const isTwin = (one: StoredRow) =>
    one.subnet === row.subnet && one.hw_address?.toLowerCase() === row.hw_address?.toLowerCase();
  if (row.hw_address && others.some(isTwin)) faults["reservation.hw_address"] = "Duplicate entry exists.";
  if (!row.hw_address === !row.client_id)
    faults["reservation.hw_address"] = "Either a client ID or a MAC address should be specified.";
  return faults;
}

function dnsmasqFaults({ saved }: State, row: StoredRow): Record<string, unknown> {
  if (!row.hwaddr && !row.client_id) return {};
  const others = saved.filter(({ uuid, hwaddr, client_id }) => uuid !== row.uuid && (hwaddr || client_id));
  const ips = (row.ip ?? "").split(",");
  const twice = ips.find((ip) => ip && others.some((one) => one.ip?.split(",").includes(ip)));
  if (twice) return { "host.ip": `'${twice}' is already used in another DHCP host entry.` };
  return {};
}

import { randomUUID } from "node:crypto";
import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

export interface StoredClient {
  _id: string;
  mac: string;
  name?: string;
  hostname?: string;
  note?: string;
  noted?: boolean;
  use_fixedip?: boolean;
  fixed_ip?: string;
  network_id?: string;
  last_seen?: number;
}

/** UniFi Network's own interface, of which others have told: what it stores, and how it refuses. */
export interface UniFiContract extends ContractServer {
  clients: StoredClient[];
  stations: { mac: string; ip: string; hostname?: string; oui: string }[];
  /** Some of its networks have a DHCP server. */
  dhcp: boolean;
  /** A console with UniFi OS, or else a controller on a computer. */
  isConsole: boolean;
  /** The account may only look. */
  readOnly: boolean;
  /** How many more logins it takes. */
  loginsLeft: number;
  logins: number;
  /** Each with the token that a change must have. */
  sessions: Map<string, string>;
}

export const [user, password, apiKey] = ["piinit", "tr0ub4dor; the password", "Xr3kD0v9sQ-the-key"];

type State = Omit<UniFiContract, keyof ContractServer>;

export const freshState = (): State => ({
  clients: [],
  stations: [],
  dhcp: true,
  isConsole: true,
  readOnly: false,
  loginsLeft: 1000,
  logins: 0,
  sessions: new Map(),
});

export async function startUniFi(): Promise<UniFiContract> {
  const server: UniFiContract = Object.assign(
    freshState(),
    await startContractServer((asked) => answer(server, asked)),
  );
  return server;
}

const fails = (status: number, msg: string): Reply => ({ status, json: { meta: { rc: "error", msg }, data: [] } });
const data = (...items: unknown[]): Reply => ({ status: 200, json: { meta: { rc: "ok" }, data: items } });

function answer(state: State, asked: Asked): Reply {
  const { isConsole } = state;
  const { method, path } = asked;
  if (path === "/")
    return isConsole ? { status: 200, text: "<html></html>" } : { status: 302, headers: { location: "/manage" } };
  if (path === "/api/system" && isConsole)
    return { status: 200, json: { hardware: { shortname: "UDMPRO" }, name: "Home" } };
  if (path === "/status" && !isConsole)
    return { status: 200, json: { meta: { rc: "ok", up: true, server_version: "8.0.7" }, data: [] } };
  if (path === (isConsole ? "/api/auth/login" : "/api/login")) return login(state, asked);
  const session = sessionOf(state, asked);
  if (session === undefined) return fails(401, "api.err.LoginRequired");
  if (path === (isConsole ? "/api/auth/logout" : "/api/logout") && method === "POST") {
    state.sessions.delete(session);
    return { status: 200, json: {} };
  }
  const network = isConsole ? "/proxy/network" : "";
  if (method === "GET" && path === `${network}/api/self/sites`)
    return data({ name: "default", desc: "Default", role: state.readOnly ? "readonly" : "admin" });
  const prefix = `${network}/api/s/`;
  if (!path.startsWith(prefix)) return { status: 404, text: "<html>Not Found</html>" };
  const [, site, what = ""] = /^([^/]+)\/(.*)$/.exec(path.slice(prefix.length)) ?? [];
  return site === "default" ? serve(state, asked, what) : fails(401, "api.err.NoSiteContext");
}

/** "" with an API key; undefined for a stranger, or for a change without the session's token. */
function sessionOf(state: State, { method, headers }: Asked): string | undefined {
  if (headers["x-api-key"] !== undefined) return state.isConsole && headers["x-api-key"] === apiKey ? "" : undefined;
  const cookie = String(headers.cookie ?? "");
  const token = state.sessions.get(cookie);
  const isTrusted = method === "GET" || !state.isConsole || headers["x-csrf-token"] === token;
  return token !== undefined && isTrusted ? cookie : undefined;
}

function login(state: State, { method, body }: Asked): Reply {
  if (method !== "POST") return { status: 404 };
  state.logins++;
  if (state.loginsLeft-- <= 0)
    return {
      status: 429,
      json: { code: "AUTHENTICATION_FAILED_LIMIT_REACHED", message: "You've reached the login limit" },
    };
  const given = body as { username?: string; password?: string };
  if (given.username !== user || given.password !== password)
    return state.isConsole
      ? { status: 401, json: { code: "AUTHENTICATION_FAILED_INVALID_CREDENTIALS" } }
      : fails(400, "api.err.Invalid");
  const csrfToken = randomUUID();
  const payload = Buffer.from(JSON.stringify({ userId: "x", csrfToken })).toString("base64url");
  const cookie = state.isConsole ? `TOKEN=e30.${payload}.c2ln` : `unifises=${csrfToken}`;
  state.sessions.set(cookie, csrfToken);
  return {
    status: 200,
    json: { meta: { rc: "ok" } },
    headers: { "set-cookie": `${cookie}; path=/; secure; httponly` },
  };
}

const networks = [
  { _id: "wan", name: "Internet", purpose: "wan" },
  {
    _id: "lan",
    name: "Default",
    purpose: "corporate",
    ip_subnet: "192.168.2.1/24",
    dhcpd_enabled: true,
    dhcpd_start: "192.168.2.200",
    dhcpd_stop: "192.168.2.250",
    domain_name: "home.lan",
  },
  { _id: "iot", name: "IoT", purpose: "corporate", ip_subnet: "10.20.0.1/24", dhcpd_enabled: true },
  { _id: "lab", name: "Lab", purpose: "corporate", ip_subnet: "10.30.0.1/24", dhcpd_enabled: false },
];

function serve(state: State, { method, body }: Asked, what: string): Reply {
  if (method === "GET" && what === "rest/user") return data(...state.clients);
  if (method === "GET" && what === "rest/networkconf")
    return data(...networks.map((one) => ({ ...one, dhcpd_enabled: state.dhcp && one.dhcpd_enabled })));
  if (method === "GET" && what === "stat/sta") return data(...state.stations);
  if (state.readOnly) return fails(403, "api.err.NoPermission");
  if (method === "POST" && what === "group/user") return add(state, body);
  if (method === "POST" && what === "cmd/stamgr") return forget(state, body as { cmd: string; macs: string[] });
  const client = state.clients.find(({ _id }) => what === `rest/user/${_id}`);
  if (method === "PUT" && client) return change(state, client, body as Partial<StoredClient>);
  return fails(404, "api.err.NotFound");
}

let lastId = 0;
export const nextId = () => (++lastId).toString(16).padStart(24, "0");

function add(state: State, body: unknown): Reply {
  const given = (body as { objects: [{ data: StoredClient }] }).objects[0].data;
  const made = { ...given, _id: nextId(), mac: given.mac.toLowerCase() };
  const isKnown = state.clients.some(({ mac }) => mac === made.mac);
  const fault = isKnown ? "api.err.MacUsed" : faultOf(state, made, given);
  // This one refuses with status 200, in an envelope within the envelope.
  if (fault) return data({ meta: { rc: "error", msg: fault }, data: [] });
  state.clients = [...state.clients, made];
  return data({ meta: { rc: "ok" }, data: [made] });
}

function change(state: State, client: StoredClient, given: Partial<StoredClient>): Reply {
  const changed = { ...client, ...given };
  if (JSON.stringify(changed) === JSON.stringify(client)) return data();
  const fault = faultOf(state, changed, given);
  if (fault) return fails(400, fault);
  state.clients = state.clients.map((one) => (one === client ? changed : one));
  return data(changed);
}

function faultOf({ clients }: State, made: StoredClient, given: Partial<StoredClient>): string | undefined {
  if (given.use_fixedip === undefined) return "api.err.InvalidPayload";
  if (!made.use_fixedip) return undefined;
  const network = networks.find(({ _id }) => _id === made.network_id);
  if (!network?.ip_subnet) return "api.err.InvalidNetworkId";
  if (!made.fixed_ip?.startsWith(network.ip_subnet.replace(/\d+\/24$/, ""))) return "api.err.InvalidFixedIP";
  // Also one that has lost its reservation.
  const isUsed = clients.some((one) => one._id !== made._id && one.mac !== made.mac && one.fixed_ip === made.fixed_ip);
  return isUsed ? "api.err.FixedIpAlreadyUsedByClient" : undefined;
}

function forget(state: State, { cmd, macs }: { cmd: string; macs: string[] }): Reply {
  if (cmd !== "forget-sta") return fails(400, "api.err.InvalidCommand");
  if (!state.clients.some(({ mac }) => macs.includes(mac))) return fails(400, "api.err.UnknownStation");
  state.clients = state.clients.filter(({ mac }) => !macs.includes(mac));
  return data();
}

import { parseEntry } from "../../../../steps/router/drivers/dnsmasq/config.ts";
import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

/** Pi-hole 6's interface as it was watched: what it stores and how it refuses. */
export interface PiHoleContract extends ContractServer {
  hosts: string[];
  leases: { expires: number; hwaddr: string; ip: string; name: string; clientid: string }[];
  /** Its DHCP server is on. */
  active: boolean;
  /** The password is an app password. */
  isApp: boolean;
  /** Those may change settings. */
  appSudo: boolean;
  /** Other people's sessions, of 16. */
  seatsTaken: number;
  sessions: Set<string>;
  logins: number;
  restarts: number;
}

export const password = "tr0ub4dor, the password";

export async function startPiHole(): Promise<PiHoleContract> {
  const state = {
    hosts: [] as string[],
    leases: [] as PiHoleContract["leases"],
    active: true,
    isApp: false,
    appSudo: false,
    seatsTaken: 0,
    sessions: new Set<string>(),
    logins: 0,
    restarts: 0,
  };
  const server: ContractServer = await startContractServer((asked) => answer(state, asked, server));
  return Object.assign(state, server);
}

type State = Omit<PiHoleContract, keyof ContractServer>;

function answer(state: State, asked: Asked, server: ContractServer): Reply {
  const { method, path } = asked;
  if (method === "POST" && path === "/api/auth") return login(state, asked);
  const sid = String(asked.headers["x-ftl-sid"] ?? "");
  if (!state.sessions.has(sid)) return refused(401, "unauthorized", "Unauthorized");
  if (method === "DELETE" && path === "/api/auth") {
    state.sessions.delete(sid);
    return { status: 204 };
  }
  if (method === "GET" && path === "/api/config/dhcp")
    return { status: 200, json: { config: { dhcp: dhcp(state) }, took: 0.001 } };
  if (method === "GET" && path === "/api/config/webserver/api/app_sudo")
    return { status: 200, json: { config: { webserver: { api: { app_sudo: state.appSudo } } }, took: 0.001 } };
  if (method === "GET" && path === "/api/dhcp/leases")
    return { status: 200, json: { leases: state.leases, took: 0.001 } };
  if (method === "PATCH" && path === "/api/config") return change(state, asked, server);
  return refused(404, "not_found", "Not found");
}

function login(state: State, { body }: Asked): Reply {
  state.logins++;
  const session = { valid: false, totp: false, sid: null, validity: -1, message: "password incorrect" };
  if ((body as { password?: unknown } | undefined)?.password !== password)
    return { status: 401, json: { session, took: 0.1 } };
  if (state.sessions.size + state.seatsTaken >= 16)
    return refused(429, "api_seats_exceeded", "API seats exceeded", "increase webserver.api.max_sessions");
  const sid = `+${Buffer.from(String(Math.random())).toString("base64")}=`;
  state.sessions.add(sid);
  const message = state.isApp ? "app-password correct" : "password correct";
  return {
    status: 200,
    json: { session: { ...session, valid: true, sid, csrf: "x", validity: 1800, message } },
  };
}

const refused = (status: number, key: string, message: string, hint: string | null = null): Reply => ({
  status,
  json: { error: { key, message, hint }, took: 0.001 },
});

const dhcp = ({ active, hosts }: State) => ({
  active,
  start: "192.168.2.200",
  end: "192.168.2.250",
  router: "192.168.2.1",
  netmask: "",
  leaseTime: "1h",
  ignoreUnknownClients: false,
  hosts,
});

function change(state: State, { body }: Asked, server: ContractServer): Reply {
  if (state.isApp && !state.appSudo)
    return refused(
      403,
      "forbidden",
      "Unable to change configuration (read-only)",
      "The current app session is not allowed",
    );
  const hosts = (body as { config?: { dhcp?: { hosts?: unknown } } }).config?.dhcp?.hosts;
  if (!Array.isArray(hosts))
    return refused(400, "bad_request", "Config item is invalid", "dhcp.hosts: not of type array");
  const ips = hosts.flatMap((host) => parseEntry("", String(host)).ip ?? []);
  const twice = ips.find((ip, index) => ips.indexOf(ip) !== index);
  if (twice)
    // Its hint may lack its first letters.
    return refused(400, "bad_request", "Invalid configuration", `licate dhcp-host IP address ${twice} at line 96 of …`);
  state.hosts = hosts.map(String);
  state.restarts++;
  server.beDown(200, 400);
  return { status: 200, json: { config: { dhcp: dhcp(state) }, took: 0.01 } };
}

import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

export interface Static {
  mac: string;
  ip: string;
  hostname: string;
}

/** AdGuard Home's DHCP interface as it was watched, its refusals word for word. */
export interface AdGuardContract extends ContractServer {
  staticLeases: Static[];
  leases: (Static & { expires: string })[];
  enabled: boolean;
  /** Wrong passwords; after five nobody gets in. */
  wrong: number;
}

export const user = "admin";
export const password = "tr0ub4dor: the password";

export async function startAdGuard(): Promise<AdGuardContract> {
  const state: State = { staticLeases: [], leases: [], enabled: true, wrong: 0 };
  return Object.assign(state, await startContractServer((asked) => answer(state, asked)));
}

type State = Omit<AdGuardContract, keyof ContractServer>;

const says = (text: string): Reply => ({ status: 400, text: `${text}\n` });
const done: Reply = { status: 200 };
const onlyPost: Reply = { status: 405, text: "only method POST is allowed\n" };

function answer(state: State, { method, path, headers, body }: Asked): Reply {
  // The one place that asks for no password.
  if (path === "/control/login" && method !== "POST") return onlyPost;
  const right = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  if (headers.authorization !== right || state.wrong >= 5) {
    state.wrong++;
    return { status: 401 };
  }
  if (path === "/control/dhcp/status" && method === "GET") return { status: 200, json: statusOf(state) };
  const [, verb] = /^\/control\/dhcp\/(\w+)_static_lease$/.exec(path) ?? [];
  if (!verb) return { status: 404, text: "404 page not found\n" };
  if (method !== "POST") return onlyPost;
  if (!state.enabled) return says("dhcpv4: adding static lease: server is unconfigured");
  const given = body as Static;
  const entry = {
    ...given,
    mac: given.mac.toLowerCase(),
    hostname: given.hostname.toLowerCase().replace(/[ _]/g, "-"),
  };
  if (verb === "add") return add(state, entry);
  if (verb === "update") return update(state, entry);
  return verb === "remove" ? remove(state, entry) : { status: 404 };
}

const statusOf = ({ staticLeases, leases, enabled }: State) => ({
  interface_name: "home0",
  v4: {
    gateway_ip: "192.168.2.1",
    subnet_mask: "255.255.255.0",
    range_start: "192.168.2.200",
    range_end: "192.168.2.250",
    lease_duration: 3600,
  },
  v6: {},
  leases,
  static_leases: staticLeases,
  enabled,
});

function add(state: State, entry: Static): Reply {
  if (state.staticLeases.some(({ mac, ip }) => mac === entry.mac || ip === entry.ip))
    return says(
      `dhcpv4: adding static lease: removing dynamic leases for ${entry.ip} (${entry.mac}): static lease already exists`,
    );
  const fault = refusalOf(state.staticLeases, entry);
  if (fault) return says(`dhcpv4: adding static lease: ${fault}`);
  state.leases = state.leases.filter(({ ip }) => ip !== entry.ip);
  state.staticLeases = [...state.staticLeases, entry];
  return done;
}

function refusalOf(among: readonly Static[], { ip, hostname }: Static): string | undefined {
  if (among.some((one) => hostname !== "" && one.hostname === hostname)) return "hostname: duplicated value";
  if (!ip.startsWith("192.168.2.")) return `subnet 192.168.2.1/24 does not contain the ip "${ip}"`;
  return ip === "192.168.2.1" ? `can't assign the gateway IP "${ip}" to the lease` : undefined;
}

function update(state: State, entry: Static): Reply {
  const others = state.staticLeases.filter(({ mac }) => mac !== entry.mac);
  if (others.length === state.staticLeases.length)
    return says(`dhcpv4: updating static lease: can't find lease ${entry.mac}`);
  const fault = others.some(({ ip }) => ip === entry.ip) ? "ip address is not unique" : refusalOf(others, entry);
  if (fault) return says(`dhcpv4: updating static lease: ${fault}`);
  state.staticLeases = state.staticLeases.map((one) => (one.mac === entry.mac ? entry : one));
  return done;
}

function remove(state: State, entry: Static): Reply {
  const found = state.staticLeases.find(({ ip }) => ip === entry.ip);
  if (!found) return says("dhcpv4: lease not found");
  if (found.mac !== entry.mac || found.hostname !== entry.hostname)
    return says(`dhcpv4: lease for ip ${entry.ip} is different: &{…}`);
  state.staticLeases = state.staticLeases.filter((one) => one !== found);
  return done;
}

import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

/** An object of a RouterOS menu: all values are strings, and what isn't set is absent. */
export type Item = Record<string, string>;

/** RouterOS 7's REST interface as it is documented: its menus, and how it refuses. */
export interface RouterOsContract extends ContractServer {
  leases: Item[];
  options: Item[];
  servers: Item[];
  addresses: Item[];
  /** The user may only look. */
  readOnly: boolean;
  wrong: number;
}

export const user = "piinit";
export const password = "tr0ub4dor; the password";

export const servers: Item[] = [
  { ".id": "*1", name: "lan", interface: "bridge", "address-pool": "lan", disabled: "false", invalid: "false" },
  { ".id": "*2", name: "guests", interface: "vlan20", "address-pool": "guests", disabled: "false", invalid: "false" },
];
const addresses: Item[] = [
  {
    ".id": "*1",
    address: "192.168.2.1/24",
    network: "192.168.2.0",
    interface: "ether2",
    "actual-interface": "bridge",
    disabled: "false",
  },
  {
    ".id": "*2",
    address: "10.20.0.1/24",
    network: "10.20.0.0",
    interface: "vlan20",
    "actual-interface": "vlan20",
    disabled: "false",
  },
];

const pools: Item[] = [
  { ".id": "*1", name: "lan", ranges: "192.168.2.200-192.168.2.250" },
  { ".id": "*2", name: "guests", ranges: "10.20.0.10,10.20.0.20-10.20.0.30" },
];
const networks: Item[] = [
  { ".id": "*1", address: "192.168.2.0/24", gateway: "192.168.2.1", domain: "home.lan" },
  { ".id": "*2", address: "10.20.0.0/24", gateway: "10.20.0.1" },
];

const users: Item[] = [
  { ".id": "*1", name: "admin", group: "full", address: "", disabled: "false" },
  { ".id": "*2", name: user, group: "programs", address: "", disabled: "false" },
];
const groupsWhere = ({ readOnly }: State): Item[] => [
  { ".id": "*1", name: "full", policy: "local,ssh,reboot,read,write,policy,test,web,sensitive,api,rest-api,!tikapp" },
  { ".id": "*2", name: "programs", policy: `read,api,rest-api,!local,!ssh,!policy,${readOnly ? "!write" : "write"}` },
];

type State = Omit<RouterOsContract, keyof ContractServer>;

export async function startRouterOs(): Promise<RouterOsContract> {
  const state: State = { leases: [], options: [], servers, addresses, readOnly: false, wrong: 0 };
  return Object.assign(state, await startContractServer((asked) => answer(state, asked)));
}

const failure = (status: number, message: string, detail?: string): Reply => ({
  status,
  json: { ...(detail && { detail }), error: status, message },
});
const bad = (detail: string) => failure(400, "Bad Request", detail);

const menus = { lease: "leases", option: "options" } as const;

function answer(state: State, { method, path, headers, body }: Asked): Reply {
  if (headers.authorization !== `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`) {
    state.wrong++;
    return failure(401, "Unauthorized");
  }
  if (method === "GET" && path === "/rest/ip/dhcp-server") return { status: 200, json: state.servers };
  if (method === "GET" && path === "/rest/user") return { status: 200, json: users };
  if (method === "GET" && path === "/rest/user/group") return { status: 200, json: groupsWhere(state) };
  if (method === "GET" && path === "/rest/ip/pool") return { status: 200, json: pools };
  if (method === "GET" && path === "/rest/ip/dhcp-server/network") return { status: 200, json: networks };
  if (method === "GET" && path === "/rest/ip/address") return { status: 200, json: state.addresses };
  const [, menu, id] = /^\/rest\/ip\/dhcp-server\/(lease|option)(?:\/(\*[0-9A-F]+))?$/.exec(path) ?? [];
  if (menu !== "lease" && menu !== "option") return bad("no such command or directory");
  const items = state[menus[menu]];
  if (method === "GET" && !id) return { status: 200, json: items };
  if (state.readOnly) return failure(500, "Internal Server Error", "not enough permissions (9)");
  if (method === "PUT" && !id) return put(state, menu, body as Item);
  const item = items.find((one) => one[".id"] === id);
  if (!item) return failure(404, "Not Found");
  if (method === "PATCH") return patch(state, menu, item, body as Item);
  return method === "DELETE" ? remove(state, menu, item) : bad("unknown command");
}

const known = {
  lease: ["address", "mac-address", "server", "dhcp-option", "comment", "disabled"],
  option: ["name", "code", "value", "comment"],
};

let lastId = 0x10;
export const nextId = () => `*${(lastId++).toString(16).toUpperCase()}`;

function put(state: State, menu: "lease" | "option", given: Item): Reply {
  const fresh: Item =
    menu === "lease"
      ? { "dhcp-option": "", "address-lists": "", status: "waiting", "last-seen": "never", dynamic: "false" }
      : {};
  const made = stored(menu, { ".id": nextId(), ...(menu === "lease" && { disabled: "false" }), ...fresh }, given);
  const fault = faultOf(state, menu, made, given);
  if (fault) return bad(fault);
  state[menus[menu]] = [...state[menus[menu]], made];
  return { status: 201, json: made };
}

function patch(state: State, menu: "lease" | "option", item: Item, given: Item): Reply {
  const changed = stored(menu, item, given);
  const fault = faultOf(state, menu, changed, given);
  if (fault) return bad(fault);
  state[menus[menu]] = state[menus[menu]].map((one) => (one === item ? changed : one));
  return { status: 200, json: changed };
}

function remove(state: State, menu: "lease" | "option", item: Item): Reply {
  if (menu === "option" && state.leases.some((lease) => optionsOf(lease).includes(item.name ?? "")))
    return bad("failure: option is in use");
  state[menus[menu]] = state[menus[menu]].filter((one) => one !== item);
  return { status: 204 };
}

/** As RouterOS reads it back. */
function stored(menu: "lease" | "option", item: Item, given: Item): Item {
  const { server, comment, ...rest } = { ...item, ...given };
  const mac = rest["mac-address"];
  return {
    ...rest,
    ...(mac && { "mac-address": mac.toUpperCase() }),
    ...(rest.disabled && { disabled: ["yes", "true"].includes(rest.disabled) ? "true" : "false" }),
    ...(server && server !== "all" && { server }),
    ...(comment && { comment }),
    ...(menu === "option" && { "raw-value": rest.value?.replace(/^0x/, "") ?? "" }),
  };
}

const optionsOf = (lease: Item) => (lease["dhcp-option"] ?? "").split(",").filter(Boolean);

function faultOf(state: State, menu: "lease" | "option", made: Item, given: Item): string | undefined {
  const stranger = Object.keys(given).find((key) => !known[menu].includes(key));
  if (stranger) return `unknown parameter ${stranger}`;
  if (Object.values(given).some((value) => typeof value !== "string")) return "value must be a string";
  return menu === "lease" ? leaseFault(state, made) : optionFault(state, made);
}

function optionFault({ options }: State, made: Item): string | undefined {
  const isTaken = options.some((one) => one.name === made.name && one[".id"] !== made[".id"]);
  return isTaken ? "failure: already have option with this name" : undefined;
}

function leaseFault({ leases, options, servers }: State, made: Item): string | undefined {
  if (made.server && !servers.some(({ name }) => name === made.server))
    return "input does not match any value of server";
  if (optionsOf(made).some((name) => !options.some((one) => one.name === name)))
    return "input does not match any value of dhcp-option";
  if (made.disabled === "true") return undefined;
  const others = leases.filter(
    (one) => one[".id"] !== made[".id"] && one.dynamic !== "true" && one.disabled !== "true",
  );
  const isSameServer = (one: Item) => !one.server || !made.server || one.server === made.server;
  if (others.some((one) => one["mac-address"] === made["mac-address"] && isSameServer(one)))
    return "failure: already have static lease for this client";
  if (others.some((one) => one.address === made.address))
    return "failure: already have static lease with this IP address";
  return undefined;
}

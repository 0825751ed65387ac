import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

/** A static mapping as pfSense's REST API shows it, but for its place in the list. */
export type StoredMapping = Record<string, unknown> & { mac: string; ipaddr: string | null };

interface State {
  /** What its configuration has now, sorted by address, and what the DHCP server runs with. */
  saved: StoredMapping[];
  live: StoredMapping[];
  /** Something was written and not applied. */
  isDirty: boolean;
  enable: boolean;
  leases: Record<string, unknown>[];
  /** Requests with a wrong key. */
  wrong: number;
  applies: number;
  /** How often it is asked whether it has applied the changes before it has. */
  slowness: number;
  left: number;
  /** Applying ends without an effect. */
  isStuck: boolean;
  /** So many writes are refused, because somebody else writes. */
  locked: number;
  /** The key's user lacks this privilege. */
  missingPrivilege: string | undefined;
  /** It has no such package. */
  isBare: boolean;
  /** Happens between the driver's looking at the list and its change. */
  beforeWrite: (() => void) | undefined;
  /** Starts a real server with the mappings. */
  start: (mappings: readonly StoredMapping[]) => Promise<void>;
}

/** The interface of pfSense's REST API package, as its source has it. */
export interface PfsenseContract extends ContractServer {
  state: State;
}

export const apiKey = "k3y-of-pfsense";

export const freshState = (): State => ({
  saved: [],
  live: [],
  isDirty: false,
  enable: true,
  leases: [],
  wrong: 0,
  applies: 0,
  slowness: 1,
  left: 0,
  isStuck: false,
  locked: 0,
  missingPrivilege: undefined,
  isBare: false,
  beforeWrite: undefined,
  start: async () => undefined,
});

export async function startPfsense(change: Partial<State> = {}): Promise<PfsenseContract> {
  const state = { ...freshState(), ...change };
  return { state, ...(await startContractServer((asked) => answer(state, asked))) };
}

const ok = (data: unknown): Reply => enveloped(200, "SUCCESS", "", data);
const enveloped = (code: number, response_id: string, message: string, data: unknown = []): Reply => ({
  status: code,
  json: { code, status: code < 300 ? "ok" : "error", response_id, message, data },
});

const services = "/api/v2/services/dhcp_server";

async function answer(state: State, { method, path, headers, body }: Asked): Promise<Reply> {
  if (state.isBare) return { status: 404, text: "<html><head><title>404 Not Found</title></head></html>" };
  if (headers["x-api-key"] !== apiKey) {
    state.wrong++;
    return enveloped(401, "AUTH_AUTHENTICATION_FAILED", "Authentication failed");
  }
  const url = new URL(path, "https://pfsense.test");
  const query = url.searchParams;
  const isLan = (query.get("parent_id") ?? query.get("id") ?? Object(body).parent_id ?? "lan") === "lan";
  if (!isLan) return enveloped(404, "MODEL_PARENT_OBJECT_NOT_FOUND", "Parent not found");
  const asked = `${method} ${url.pathname.replace(services, "").replace("/api/v2", "")}`;
  if (state.missingPrivilege === asked)
    return enveloped(403, "AUTH_AUTHORIZATION_FAILED", "Authorization failed, missing privilege `api-v2`");
  if (asked === "GET ") return ok(serverOf(state));
  if (asked === "GET /static_mappings") return ok(state.saved.map((one, id) => ({ parent_id: "lan", id, ...one })));
  if (asked === "GET /status/dhcp_server/leases") return ok(state.leases);
  if (asked === "GET /apply") return ok({ applied: await isApplied(state) });
  if (asked === "POST /apply") {
    state.applies++;
    state.left = state.slowness;
    return ok({ applied: false });
  }
  if (url.pathname !== `${services}/static_mapping`) return enveloped(404, "ENDPOINT_NOT_FOUND", "Not found");
  if (state.locked > 0) {
    state.locked--;
    return enveloped(503, "MODEL_WRITE_CONFIG_LOCKED", "Cannot write configuration while it is locked");
  }
  state.beforeWrite?.();
  state.beforeWrite = undefined;
  if (method === "DELETE") return remove(state, Number(query.get("id")));
  return write(state, method, body as Record<string, unknown>);
}

const serverOf = ({ enable }: State) => ({
  id: "lan",
  interface: "lan",
  enable,
  range_from: "192.168.2.200",
  range_to: "192.168.2.250",
  pool: [{ range_from: "192.168.2.240", range_to: "192.168.2.253" }],
});

async function isApplied(state: State): Promise<boolean> {
  if (state.left === 0 || state.isStuck) return !state.isDirty;
  if (--state.left > 0) return false;
  state.live = state.saved;
  state.isDirty = false;
  await state.start(state.live);
  return true;
}

function write(state: State, method: string, given: Record<string, unknown>): Reply {
  const { id, parent_id: _, apply: _apply, ...fields } = given;
  const before = method === "PATCH" ? state.saved[Number(id)] : defaults;
  if (!before) return enveloped(404, "MODEL_OBJECT_NOT_FOUND", "Object not found");
  const wanted = { ...before, ...fields } as StoredMapping;
  const others = state.saved.filter((one) => one !== before);
  const fault = faultOf(others, wanted);
  if (fault) return fault;
  return store(state, [...others, wanted], wanted);
}

const defaults: StoredMapping = {
  mac: "",
  ipaddr: null,
  cid: null,
  hostname: null,
  domain: "",
  domainsearchlist: [],
  defaultleasetime: 7200,
  arp_table_static_entry: false,
  descr: "",
};

function remove(state: State, id: number): Reply {
  const found = state.saved[id];
  if (!found) return enveloped(404, "MODEL_OBJECT_NOT_FOUND", "Object not found");
  return store(
    state,
    state.saved.filter((one) => one !== found),
    found,
  );
}

/** Neither the same address nor the same name twice is refused. */
function faultOf(others: readonly StoredMapping[], { mac, ipaddr }: StoredMapping): Reply | undefined {
  if (others.some((one) => one.mac === mac))
    return enveloped(400, "FIELD_MUST_BE_UNIQUE", "Field `mac` must be unique.");
  const last = Number(ipaddr?.split(".")[3]);
  if (ipaddr && !ipaddr.startsWith("192.168.2."))
    return enveloped(400, "DHCP_SERVER_STATIC_MAPPING_IPADDR_NOT_WITHIN_SUBNET", "Field `ipaddr` must be within.");
  if (last >= 200 && last <= 253)
    return enveloped(409, "DHCP_SERVER_STATIC_MAPPING_IPADDR_OVERLAPS_EXISTING_OBJECT", "Field `ipaddr` overlaps.");
  return undefined;
}

const order = ({ ipaddr }: StoredMapping) =>
  (ipaddr ?? "")
    .split(".")
    .map((part) => part.padStart(3, "0"))
    .join(".");

/** The list is sorted by address each time. */
function store(state: State, mappings: readonly StoredMapping[], concerned: StoredMapping): Reply {
  const id = state.saved.indexOf(concerned);
  state.saved = mappings.toSorted((a, b) => order(a).localeCompare(order(b)));
  state.isDirty = true;
  return ok({ parent_id: "lan", id: id < 0 ? state.saved.indexOf(concerned) : id, ...concerned });
}

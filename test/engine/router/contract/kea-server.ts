import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Configuration, configuration } from "../../../../steps/router/drivers/kea/config.ts";
import { type Asked, type ContractServer, type Reply, startContractServer } from "./server.ts";

/** Kea's commands as it documents them, with a configuration of one subnet; what it serves is tested with a real Kea. */
export interface KeaContract extends ContractServer {
  config: Configuration;
  /** What it starts with. */
  file: Configuration;
  /** The user may send no command that changes something, and is not told of such. */
  readOnly: boolean;
  /** It has its hook library `lease_cmds`. */
  tellsLeases: boolean;
}

export const [user, password] = ["admin", "tr0ub4dor; the password"];
const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

type Host = NonNullable<NonNullable<Configuration["Dhcp4"]["subnet4"]>[number]["reservations"]>[number];

export async function startKeaContract(hasHostCommands: boolean): Promise<KeaContract> {
  const config = { Dhcp4: { subnet4: [{ id: 1, subnet: "192.168.2.0/24", reservations: [] }] } };
  const state = { config, file: config, readOnly: false, tellsLeases: true };
  const server: KeaContract = Object.assign(
    state,
    await startContractServer((asked) => answer(server, asked, hasHostCommands)),
  );
  return server;
}

const says = (result: number, text: string, given?: unknown): Reply => ({
  status: 200,
  json: [{ result, text, ...(given !== undefined && { arguments: given }) }],
});

export const hostsIn = ({ config }: Pick<KeaContract, "config">): Host[] =>
  config.Dhcp4.subnet4?.flatMap(({ reservations = [] }) => reservations) ?? [];

function answer(state: KeaContract, { headers, body }: Asked, hasHostCommands: boolean): Reply {
  if (headers.authorization !== authorization) return { status: 401, json: { result: 401, text: "Unauthorized" } };
  const { command, arguments: given } = body as { command: string; arguments?: Record<string, unknown> };
  const commands = [
    ...["config-get", "config-hash-get", "list-commands"],
    ...(state.tellsLeases ? ["lease4-get-all"] : []),
    ...(state.readOnly ? [] : ["config-set", "config-test", "config-write"]),
    ...(hasHostCommands && !state.readOnly ? ["reservation-add", "reservation-del"] : []),
  ];
  if (!commands.includes(command) && state.readOnly) return { status: 403, json: { result: 403, text: "Forbidden" } };
  if (!commands.includes(command)) return says(2, `'${command}' command not supported.`);
  if (command === "list-commands") return says(0, "", commands);
  if (command === "lease4-get-all") return says(3, "0 IPv4 lease(s) found.", { leases: [] });
  if (command === "config-get") return says(0, "", { ...state.config, hash: hashOf(state.config) });
  if (command === "config-hash-get") return says(0, "", { hash: hashOf(state.config) });
  if (command === "config-write") {
    state.file = state.config;
    return says(0, "Configuration written", {});
  }
  if (command === "reservation-add") return add(state, given?.reservation as Host);
  if (command === "reservation-del") return remove(state, String(given?.identifier));
  const wanted = configuration.parse(given);
  const ips = hostsIn({ config: wanted }).map((one) => one["ip-address"]);
  if (new Set(ips).size < ips.length) return says(1, "failed to add new host: an address is there twice");
  if (command === "config-set") state.config = wanted;
  return says(0, "Configuration successful.");
}

const hashOf = (config: Configuration) => createHash("sha256").update(JSON.stringify(config)).digest("hex");

function add(state: KeaContract, { "subnet-id": _, ...host }: Host): Reply {
  const isSame = (key: "hw-address" | "ip-address") => hostsIn(state).some((one) => one[key] === host[key]);
  if (isSame("hw-address") || isSame("ip-address")) return says(1, "Host already exists.");
  setHosts(state, [...hostsIn(state), host]);
  return says(0, "Host added.");
}

function remove(state: KeaContract, mac: string): Reply {
  const left = hostsIn(state).filter((one) => one["hw-address"] !== mac);
  if (isDeepStrictEqual(left, hostsIn(state))) return says(3, "Host not deleted (not found).");
  setHosts(state, left);
  return says(0, "Host deleted.");
}

function setHosts(state: KeaContract, reservations: Host[]): void {
  const { Dhcp4 } = state.config;
  state.config = { Dhcp4: { ...Dhcp4, subnet4: Dhcp4.subnet4?.map((subnet) => ({ ...subnet, reservations })) } };
}

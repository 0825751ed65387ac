import { isIPv4 } from "node:net";
import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import type { NamedNetwork } from "../../base/place.ts";
import type { Service } from "../../base/service.ts";
import {
  basicHeaders,
  NotLetIn,
  openWeb,
  Refusal,
  unlessRefused,
  type WebRequest,
  type WebServer,
  wrongLogin,
} from "../../base/web.ts";

/** Where RouterOS keeps what a driver changes. */
export type Menu = "lease" | "option";

/** RouterOS's DHCP server. Each change is a request of its own, and takes effect at once. */
export interface RouterOs {
  title: string;
  inventory(): Promise<Inventory>;
  /** Each with its DHCP server as its id. */
  networks(): Promise<RouterOsNetwork[]>;
  /** These with what any machine gets there. */
  described(networks: readonly RouterOsNetwork[]): Promise<Pick<Service, "networks" | "domain">>;
  /** Why its user may change nothing, as far as it tells, and what to do. */
  whyDenied(): Promise<string | undefined>;
  add(menu: Menu, fields: Fields): Promise<void>;
  change(menu: Menu, id: string, fields: Fields): Promise<void>;
  remove(menu: Menu, id: string): Promise<void>;
}

/** Its pools are not asked for with it. */
type RouterOsNetwork = NamedNetwork & { pool: string };

/** Every value is a string there, whatever it means. */
type Fields = Readonly<Record<string, string>>;

const text = z.string().optional();
const lease = z.object({
  ".id": z.string(),
  address: text,
  "mac-address": text,
  server: text,
  "dhcp-option": text,
  comment: text,
  disabled: text,
  dynamic: text,
  status: text,
  "active-address": text,
  "active-mac-address": text,
  "host-name": text,
  "expires-after": text,
});
const option = z.object({ ".id": z.string(), name: z.string(), code: z.string(), value: text, "raw-value": text });
const server = z.object({
  name: z.string(),
  interface: text,
  "address-pool": text,
  disabled: text,
  invalid: text,
});
const pool = z.object({ name: z.string(), ranges: text });
const network = z.object({ domain: text });
const account = z.object({ name: z.string(), group: text });
const group = z.object({ name: z.string(), policy: text });
const address = z.object({ address: z.string(), interface: z.string(), "actual-interface": text, disabled: text });

export type LeaseRecord = z.output<typeof lease>;
export type OptionRecord = z.output<typeof option>;

export interface Inventory {
  leases: LeaseRecord[];
  options: OptionRecord[];
}

const dhcp = "/rest/ip/dhcp-server";
const pathOf = (menu: Menu) => `${dhcp}/${menu}`;

/** Every request has the user and the password, so there is no session to end. */
export function openRouterOs(settings: WebServer & { user: string; password: string }, signal: AbortSignal): RouterOs {
  const title = `RouterOS at ${settings.url}`;
  const web = openWeb("RouterOS", settings, signal);
  const headers = basicHeaders(settings);
  const ask = <T>(request: WebRequest<T>) => web.ask({ ...request, headers }).catch(explain(title));
  const list = <T>(path: string, schema: z.ZodType<T>) => ask({ method: "GET", path, schema: z.array(schema) });
  return {
    title,
    inventory: async () => ({
      leases: await list(pathOf("lease"), lease),
      options: await list(pathOf("option"), option),
    }),
    async networks() {
      const servers = (await list(dhcp, server)).filter((one) => one.disabled !== "true" && one.invalid !== "true");
      const addresses = (await list("/rest/ip/address", address)).filter((one) => one.disabled !== "true");
      return servers.flatMap((one) =>
        addresses
          .filter((at) => one.interface === at.interface || one.interface === at["actual-interface"])
          .map((at) => ({
            id: one.name,
            name: one.name,
            cidr: at.address,
            pool: one["address-pool"] ?? "",
            pools: [],
          })),
      );
    },
    async described(networks) {
      const pools = new Map((await list("/rest/ip/pool", pool)).map(({ name, ranges }) => [name, poolsIn(ranges)]));
      const domain = (await list(`${dhcp}/network`, network)).find((one) => one.domain)?.domain;
      return { networks: networks.map((one) => ({ ...one, pools: pools.get(one.pool) ?? [] })), domain };
    },
    async whyDenied() {
      // RADIUS may know users whom the router does not.
      const own = (await unlessRefused(list("/rest/user", account)))?.find(({ name }) => name === settings.user);
      const groups = own && (await unlessRefused(list("/rest/user/group", group)));
      const policy = groups?.find(({ name }) => name === own?.group)?.policy;
      if (policy === undefined || policy.split(",").includes("write")) return undefined;
      return `the group ${own?.group} of ${settings.user} lacks the policy write. ${rights}`;
    },
    add: (menu, body) => ask({ method: "PUT", path: pathOf(menu), body }),
    change: (menu, id, body) => ask({ method: "PATCH", path: `${pathOf(menu)}/${id}`, body }),
    remove: (menu, id) => ask({ method: "DELETE", path: `${pathOf(menu)}/${id}` }),
  };
}

/** "FIRST-LAST,…"; one address is a range of its own. */
const poolsIn = (ranges = "") =>
  ranges
    .split(",")
    .map((range) => range.split("-").map((ip) => ip.trim()))
    .flatMap(([first = "", last = first]) => (isIPv4(first) && isIPv4(last) ? [{ first, last }] : []));

const rights = "The user's group needs the policies read, write, api and rest-api.";

function explain(title: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) throw new NotLetIn(wrongLogin(title), { cause: error });
    if (!error.text.includes("not enough permissions")) throw error;
    throw new UserError(`${error.message}\n${rights}`, { cause: error });
  };
}

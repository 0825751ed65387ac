import { reservationsIn } from "../../../../steps/router/base/table.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import {
  type Configuration,
  configuration,
  entriesOf,
  subnetsOf,
} from "../../../../steps/router/drivers/kea/config.ts";
import type { Random } from "../../../random.ts";
import type { Bench } from "../bench.ts";
import { type KeaHome, login } from "./home.ts";

/** What Kea has of reservations. */
export const reserved = (config: Configuration) =>
  reservationsIn(entriesOf(config, new Set(subnetsOf(config).map(({ id }) => id))));

/** Kea at its HTTP socket, or 2.x behind its control agent. */
export function overHttp(home: KeaHome): Bench {
  const settings: RouterSettings = { kind: "kea", url: home.url, ...login, persist: true };
  return {
    ...benchOf(home),
    settings,
    // It has no logins: each request carries the password.
    cost: async () => ({ logins: 0 }),
    broken: [
      { what: "no server", settings: { ...settings, url: "http://127.0.0.1:1" }, says: /no answer from Kea/ },
      { what: "wrong password", settings: { ...settings, password: "wrong" }, says: /does not let admin in/ },
      {
        what: "no login",
        settings: { kind: "kea", url: home.url, persist: true },
        says: /wants a user and a password/,
      },
    ],
  };
}

/** Kea at its UNIX socket, over SSH. */
export function overSsh(home: KeaHome): Bench {
  const settings: RouterSettings = { kind: "kea", ...home.ssh, persist: true };
  let counted = 0;
  return {
    ...benchOf(home),
    settings,
    async cost() {
      const before = counted;
      counted = home.logins();
      return { logins: counted - before };
    },
    broken: [
      { what: "no server", settings: { ...settings, port: 1 }, says: /can't reach the router/ },
      {
        what: "no socket",
        settings: { ...settings, socket: "/run/no-kea" },
        says: /no socket \/run\/no-kea .* set router\.socket/,
      },
    ],
  };
}

/** What is the same whichever way Kea is reached. */
function benchOf(home: KeaHome): Omit<Bench, "settings" | "cost" | "broken"> {
  const add = async (reservations: object[]) => {
    const { subnet4 = [], ...rest } = (await current()).Dhcp4;
    const [subnet] = subnet4;
    if (!subnet) throw new Error("there is no subnet");
    const changed = { ...subnet, reservations: [...(subnet.reservations ?? []), ...reservations] };
    const { result, text } = await home.order("config-set", { Dhcp4: { ...rest, subnet4: [changed] } });
    if (result !== 0) throw new Error(text);
  };
  const current = async () => {
    const { hash: _, ...rest } = (await home.order("config-get")).arguments as Record<string, unknown>;
    return configuration.parse(rest);
  };
  return {
    marksOwners: true,
    putOthers: (reservations) =>
      add(reservations.map(({ mac, ip, name }) => ({ "hw-address": mac, "ip-address": ip, hostname: name }))),
    putOddOthers: (random) => add(oddHosts(random)),
    /** All of its configuration but for the stack's reservations. */
    async others() {
      const config = await current();
      const isOther = (host: Record<string, unknown>) => Object(host["user-context"]).piinit !== "home";
      const subnet4 = config.Dhcp4.subnet4?.map((subnet) => ({
        ...subnet,
        reservations: subnet.reservations?.filter(isOther),
      }));
      return JSON.stringify({ ...config, Dhcp4: { ...config.Dhcp4, subnet4 } });
    },
    reserved: async () => reserved(await current()),
    async putLease({ mac, ip, name, expires }) {
      const lease = { "ip-address": ip, "hw-address": mac, hostname: name, "valid-lft": 3000, expire: expires };
      const { result, text } = await home.order("lease4-add", lease);
      if (result !== 0) throw new Error(text);
    },
    async turnOff() {
      const config = await current();
      const { result, text } = await home.order("config-set", { Dhcp4: { ...config.Dhcp4, subnet4: [] } });
      if (result !== 0) throw new Error(text);
    },
    reset: () => home.restart([]),
    askForLease: (mac) => home.askForLease(mac),
    secrets: [login.password, Buffer.from(`${login.user}:${login.password}`).toString("base64")],
    close: () => home.close(),
  };
}

/** What people write into Kea's reservations: other identifiers, options, classes, only a name, contexts of their own. */
function oddHosts({ below, pick }: Random): object[] {
  return Array.from({ length: 20 }, (_, index) => {
    const pair = (10 + index).toString(16);
    const mac = `02:00:00:00:${(below(90) + 10).toString(16).padStart(2, "0")}:${pair}`;
    const ip = `192.168.2.${150 + index}`;
    return pick([
      { "hw-address": mac, "ip-address": ip, hostname: `x${index}.home.lan` },
      { "hw-address": mac.toUpperCase(), hostname: `X${index}` },
      { duid: `01:02:03:${pair}`, "ip-address": ip },
      { "client-id": `01:11:22:${pair}`, "ip-address": ip, "user-context": { note: 'it\'s "mine"', piinit: 7 } },
      { "hw-address": mac, "ip-address": ip, "option-data": [{ name: "domain-name-servers", data: "10.1.1.1" }] },
      { "circuit-id": `'x${index}'`, "ip-address": ip, "client-classes": ["known"] },
      { "hw-address": mac, "ip-address": ip, "next-server": "10.0.0.1", "boot-file-name": "/x" },
    ]);
  });
}

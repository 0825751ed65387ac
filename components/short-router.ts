import { anyOf } from "../lib/words.ts";
import { type Fault, missingSecret } from "./faults.ts";
import type { Shape } from "./schema/json-schema.ts";
import { routerShape, typedAs } from "./schema/router-shape.ts";

type Raw = Record<string, unknown>;

/** The answers to `pulumi new` that make a router, beside its kind. */
const parts = ["routerAddress", "routerOptions", "routerSecret"] as const;
type Part = (typeof parts)[number];

export const routerParts: readonly string[] = ["router", ...parts];

type Properties = Readonly<Record<string, Shape>>;

/** The router that the texts stand for: its settings as far as they go, and what can't be said with such a kind. */
export function routerOf(given: Raw): { router: Raw; faults: Fault[] } {
  const kind = String(given.router).trim();
  const properties = routerShape(kind)?.properties;
  if (!properties) return { router: { kind }, faults: [] };
  const [user, address] = addressIn(textOf(given.routerAddress));
  const way = !properties.host || (properties.url && /^https?:/.test(address)) ? "url" : "host";
  const options = optionsIn(textOf(given.routerOptions));
  const secrets = secretsOf(kind, user !== undefined || options?.user !== undefined);
  const fitting = Object.entries(options ?? {}).filter(([key]) => placeOf(key, properties) === undefined);
  const router = {
    kind,
    ...(address && properties[way] && { [way]: address }),
    ...(user !== undefined && properties.user && { user }),
    ...Object.fromEntries(fitting.map(([key, text]) => [key, typedAs(properties[key] ?? {}, text)])),
    ...secretsIn(given.routerSecret, secrets),
  };
  const faults = [
    ...addressFaults(kind, properties, given, router),
    ...optionFaults(kind, properties, given),
    ...secretFaults(kind, given, secrets, router),
  ];
  return { router, faults };
}

const mustBeEmpty = (part: Part, kind: string, why: string): Fault[] => [
  { path: [part], reason: `must be empty: a router of the kind ${kind} ${why}` },
];

function addressFaults(kind: string, properties: Properties, { routerAddress }: Raw, router: Raw): Fault[] {
  if (!properties.url && !properties.host)
    return routerAddress ? mustBeEmpty("routerAddress", kind, "has no address for piinit") : [];
  if (!("url" in router || "host" in router)) return [{ path: ["routerAddress"], reason: missingAddress(properties) }];
  const [user] = addressIn(textOf(routerAddress));
  if (user === undefined || properties.user) return [];
  return [{ path: ["routerAddress"], reason: `must have no user: a router of the kind ${kind} has none` }];
}

function optionFaults(kind: string, properties: Properties, { routerOptions }: Raw): Fault[] {
  if (!routerOptions) return [];
  if (Object.keys(properties).length === 1) return mustBeEmpty("routerOptions", kind, "has none");
  const options = optionsIn(textOf(routerOptions));
  if (options)
    return Object.keys(options).flatMap((key) => {
      const place = placeOf(key, properties);
      return place ? [{ path: ["routerOptions"], reason: `must be without ${key}, which is in piinit:${place}` }] : [];
    });
  const reason = "must be KEY=VALUE, and more of these with spaces in between, such as hostsDir=/etc/dnsmasq.hosts.d";
  return [{ path: ["routerOptions"], value: routerOptions, reason }];
}

function secretFaults(kind: string, { routerSecret }: Raw, secrets: readonly string[], router: Raw): Fault[] {
  if (!routerSecret) return [];
  if (secrets.length === 0) return mustBeEmpty("routerSecret", kind, "needs none");
  if (secrets.every((key) => key in router)) return [];
  return [{ path: ["routerSecret"], reason: `must have ${inOne(secrets)}` }];
}

/** The text that has such a setting, where it is none of the options. */
function placeOf(key: string, properties: Properties): string | undefined {
  if (key === "kind") return "router";
  if (key === "url" || key === "host") return "routerAddress";
  return properties[key]?.secret === "always" ? "routerSecret" : undefined;
}

function missingAddress({ url, host, user }: Properties): string {
  const forms = [url && String(url.example).replace("//", user ? "//admin@" : "//"), host && `root@${host.example}`];
  return `is missing: must be such as ${anyOf(forms.filter((form) => form !== undefined))}`;
}

const textOf = (value: unknown): string => (value === undefined ? "" : String(value).trim());

/** "https://admin@192.168.2.2" and "root@192.168.2.1": the user, if there is one, and the rest. */
function addressIn(text: string): [user: string | undefined, address: string] {
  const [, scheme = "", user, rest = ""] = /^(https?:\/\/)?(?:([^@/]*)@)?(.*)$/s.exec(text) ?? [];
  return [user, scheme + rest.replace(/\/+$/, "")];
}

/** "persist=true hostKey=ssh-ed25519 AAAA": a value ends before the next key. Undefined if it begins with none. */
function optionsIn(text: string): Record<string, string> | undefined {
  const found = text.split(/(?:^|\s+)([A-Za-z]+)=/);
  if (found[0] !== "") return undefined;
  const pairs: [string, string][] = [];
  for (let index = 1; index + 1 < found.length; index += 2) pairs.push([found[index] ?? "", found[index + 1] ?? ""]);
  return Object.fromEntries(pairs);
}

/** The settings that `routerSecret` has, in their order. */
export function secretsOf(kind: string, hasUser: boolean): string[] {
  const properties = routerShape(kind)?.properties ?? {};
  const secrets = Object.keys(properties).filter((key) => properties[key]?.secret === "always");
  // UniFi's account has a password; without one, its API key is meant.
  if (!secrets.includes("apiKey") || !secrets.includes("password")) return secrets;
  return hasUser ? ["password"] : ["apiKey"];
}

const inOne = (secrets: readonly string[]) => `the ${secrets.join(" and the ")}, with a space in between`;

/** Several, such as OPNsense's key and its secret, have spaces in between; a single one may have spaces itself. */
function secretsIn(given: unknown, keys: readonly string[]): Raw {
  const [key] = keys;
  if (!given || key === undefined) return {};
  if (keys.length === 1 || typeof given !== "string") return { [key]: given };
  const values = given.trim().split(/\s+/);
  return Object.fromEntries(keys.flatMap((one, index) => (values[index] ? [[one, values[index]]] : [])));
}

/** A fault of the router's settings as one of the texts that they come from. */
export function asRouterText(kind: string, fault: Fault, stack: string): Fault {
  const { reason, value } = fault;
  const name = String(fault.path[2] ?? "kind");
  const properties = routerShape(kind)?.properties ?? {};
  const shape = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (name === "kind") return { ...fault, path: ["router"] };
  if (shape?.secret === "always" && value !== undefined) return { path: ["routerSecret"], reason };
  if (shape?.secret === "always") {
    const keys = secretsOf(kind, false);
    const what = keys.length > 1 ? `, ${inOne(keys)}` : "";
    return { path: ["routerSecret"], reason: missingSecret("routerSecret", stack) + what };
  }
  if (!shape) return { path: ["routerOptions"], reason: `${name} ${reason}` };
  const isAddress = ["url", "host", "user"].includes(name);
  const path = [isAddress ? "routerAddress" : "routerOptions"];
  // What was taken for a user may have a password in it.
  if (name === "user" && value !== undefined) return { path, reason: `has before its @ what ${reason}` };
  if (value !== undefined) return { path, value: isAddress ? value : `${name}=${value}`, reason };
  if (name === "user") return { path, reason: "must have the user before an @, such as https://admin@192.168.2.2" };
  const [meaning = ""] = shape.description?.split(/[.;](?: |$)/, 1) ?? [];
  return { path, reason: isAddress ? reason : `must have ${name}=…, such as ${name}=${shape.example}: ${meaning}` };
}

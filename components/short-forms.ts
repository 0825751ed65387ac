import { UserError } from "../lib/errors.ts";
import { hostsOf, isCidr } from "../lib/network.ts";
import { type Fault, missingSecret } from "./faults.ts";
import { asRouterText, routerOf, routerParts } from "./short-router.ts";

type Raw = Record<string, unknown>;

/** What `pulumi new` asks for, each a text, in the order in which it asks. */
export const askedSettings: Readonly<Record<string, string>> = {
  images: "The board of the servers, which is all that there is then, such as `pi4`.",
  machines: "The servers' MAC addresses, separated by spaces.",
  network: "The network's CIDR, such as `192.168.2.0/24`.",
  router: "The router's kind, such as `openwrt`.",
  routerAddress:
    "The router's address: `https://admin@192.168.2.2`, or `root@192.168.2.1` where piinit logs in over SSH; the user with its `@` only if the kind has one.",
  routerOptions:
    "What else that kind needs or may have: `hostsDir=/etc/dnsmasq.hosts.d` for `dnsmasq`, `persist=true` for `kea`, `server=kea` for `opnsense`, or a certificate's `fingerprint=AA:BB:…`; several with spaces in between.",
  routerSecret:
    "The router's password or API key; for OPNsense, the key and its secret with a space in between; none for `manual` and over SSH.",
  wifi: "The Wi-Fi that the servers use: the country and the name, such as `DE My Wi-Fi`.",
  wifiPassphrase: "The passphrase of that Wi-Fi.",
};

/** What the servers do where the settings only say which board they have. */
const serverRoles = { consul: "server", nomad: "both", "node-exporter": true };

/** Settings without texts that stand for something else. */
export interface LongForms {
  settings: Raw;
  /** What is wrong with the texts themselves. */
  faults: Fault[];
}

/**
 * The settings, given as the values below `piinit:`, with what they stand for in place of texts. `pulumi new` can ask for
 * texts only, and an answer that was left out is an empty one.
 */
export function longForms(given: Raw): LongForms {
  const { network, images, machines } = given;
  const cidr = typeof network === "string" ? network : Object(network).cidr;
  const settings: Raw = {
    ...withoutAnswers(given),
    ...(typeof network === "string" && { network: { cidr } }),
    ...(typeof images === "string" && { images: { server: { board: images, roles: serverRoles } } }),
    ...(typeof machines === "string" && { machines: machinesOf(machines, String(cidr)) }),
  };
  const faults = [...addRouter(settings, given), ...addWifi(settings, given)];
  return { settings, faults };
}

/** Those which stand for something are put in their places; others stay, to be refused as unknown. */
function withoutAnswers(given: Raw): Raw {
  const stand = [...(isText(given.router) ? routerParts : []), ...(isText(given.images) ? wifiParts : [])];
  const isGone = (key: string, value: unknown) =>
    stand.includes(key) || (value === "" && [...routerParts, ...wifiParts].includes(key));
  return Object.fromEntries(Object.entries(given).filter(([key, value]) => !isGone(key, value)));
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function addRouter(settings: Raw, given: Raw): Fault[] {
  if (!isText(given.router)) return [];
  const { router, faults } = routerOf(given);
  if (Object(settings.network).router !== undefined)
    return [{ path: ["router"], value: given.router, reason: "must be left out: piinit:network.router says it, too" }];
  settings.network = { ...Object(settings.network), router };
  return faults;
}

const wifiParts = ["wifi", "wifiPassphrase"];

function addWifi(settings: Raw, { images, wifi, wifiPassphrase: passphrase }: Raw): Fault[] {
  if (!isText(images)) return [];
  if (!wifi) return passphrase ? [{ path: ["wifiPassphrase"], reason: "must be empty without piinit:wifi" }] : [];
  const [, country, ssid] = /^([A-Z]{2})\s+(.*\S)\s*$/.exec(String(wifi)) ?? [];
  if (!country)
    return [{ path: ["wifi"], value: wifi, reason: "must be a country and the name of a Wi-Fi, such as DE My Wi-Fi" }];
  const roles = { ...serverRoles, wifi: { ssid, country, ...(passphrase ? { passphrase } : {}) } };
  settings.images = { server: { board: images, roles } };
  return [];
}

/** A fault of the long forms where the user can mend it: at the text that it comes from. */
export function atItsText(given: Raw, fault: Fault, stack: string): Fault {
  const place = fault.path.join(".");
  if (isText(given.router) && /^network\.router\b/.test(place)) return asRouterText(given.router.trim(), fault, stack);
  if (!isText(given.images) || !place.startsWith("images.server.roles.wifi")) return fault;
  const { reason, value } = fault;
  if (fault.path.at(-1) !== "passphrase") return { ...fault, path: ["wifi"] };
  return { path: ["wifiPassphrase"], reason: value === undefined ? missingSecret("wifiPassphrase", stack) : reason };
}

/**
 * The path at which such settings have the secret that belongs at a path of the long forms, which messages name.
 * @throws UserError if a text is in the way
 */
export function secretPath(given: Raw, path: string, stack: string): string {
  if (isText(given.router) && /^network\.router\.(password|apiKey|apiSecret)$/.test(path)) return "routerSecret";
  if (isText(given.images) && path === "images.server.roles.wifi.passphrase") return "wifiPassphrase";
  const [first = ""] = path.split(/[.[]/, 1);
  if (first === path || !isText(given[first])) return path;
  throw new UserError(
    `There is no ${path} in stack ${stack}: piinit:${first} is the text ${given[first]} in stacks/Pulumi.${stack}.yaml. ` +
      "Write it as a map there first (docs/settings.md).",
  );
}

/** Machines pi1, pi2 and so on, from the network's 51st address on. */
function machinesOf(macs: string, cidr: string): Raw[] {
  const addresses = isCidr(cidr) ? hostsOf(cidr, 51) : undefined;
  return macs
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((mac, index) => ({ name: `pi${index + 1}`, mac, ip: addresses?.next().value, image: "server" }));
}

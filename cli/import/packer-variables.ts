import { isIPv4 } from "node:net";
import { z } from "zod";

/** A file of the original's Packer variables. */
export interface VariableFile {
  /** For messages. */
  name: string;
  text?: string;
  /** In place of the text: why there is none. */
  problem?: string;
}

/** What one file of variables says of one image. */
export interface ImageVariables {
  file: string;
  consul: "server" | "client";
  nomad: "server" | "client" | undefined;
  board: "pi3" | "pi-zero";
  wifi: { ssid: string; passphrase: string } | undefined;
  dnsmasq: boolean;
  prometheus: boolean;
  terraform: boolean;
  /** Names of the servers. */
  coreHosts: string[];
  /** Addresses of the servers. */
  coreServers: string[];
  cidr: string | undefined;
  /** Variables that are set and mean nothing here, each with why. */
  lost: string[];
}

const text = z
  .union([z.string(), z.number(), z.boolean()], "must be a text")
  .transform((value) => (value === false ? "" : String(value).trim()))
  .default("");

const oneOf = <Value extends string>(values: readonly [Value, ...Value[]]) =>
  text.refine((value): value is Value | "" => value === "" || values.includes(value as Value), {
    error: `must be ${values.join(", ")} or empty`,
  });

// The original took every text for "on", "false" too, so what else stands there is asked about.
const onOff = text
  .refine((value) => ["", "true", "yes", "on", "1"].includes(value), 'must be "true" (on) or empty (off)')
  .transform((value) => value !== "");

const list = z
  .union([text, z.array(z.string())], "must be a list with commas")
  .transform((value) => (Array.isArray(value) ? value : value.split(",")).map((item) => item.trim()).filter(Boolean));

/** The original's Packer variables, and the settings that later took their place. */
const schema = z.object({
  home: text,
  wifi_name: text,
  wifi_password: text,
  nomad: oneOf(["server", "client"]),
  consul: oneOf(["server", "client"]),
  dnsmasq: onOff,
  promarch: oneOf(["linux-armv6", "linux-armv7"]),
  prometheus: onOff,
  corehosts: list,
  terraform: onOff,
  ConsulSerfEncrypt: text,
  CoreServers: list,
  CoreCidr: text,
  WifiSsid: text,
  WifiPsk: text,
});

/** Reads the files' variables; tells every fault of all of them, never a value. */
export function readVariables(files: readonly VariableFile[]): { images: ImageVariables[]; faults: string[] } {
  const read = files.map(readFile);
  const images = read.flatMap(({ image }) => image ?? []);
  const faults = read.flatMap((file) => file.faults);
  return { images, faults: [...faults, ...(images.length === files.length ? faultsBetween(images) : [])] };
}

function readFile({ name, text: json = "", problem }: VariableFile): { image?: ImageVariables; faults: string[] } {
  if (problem !== undefined) return { faults: [`${name} ${problem}`] };
  const content = parseJson(json);
  const result = schema.safeParse(content);
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) =>
      path.length > 0 ? `${name}: ${path.join(".")} ${message}` : `${name} is no JSON file with an object of variables`,
    );
    return { faults };
  }
  const values = result.data;
  const ssid = values.wifi_name || values.WifiSsid;
  const passphrase = values.wifi_password || values.WifiPsk;
  const servers = [...values.corehosts, ...values.CoreServers];
  const unknown = Object.keys(content as object).filter((key) => !(key in schema.shape));
  const image: ImageVariables = {
    file: name,
    consul: values.consul || "client",
    nomad: values.nomad || undefined,
    board: values.promarch === "linux-armv6" ? "pi-zero" : "pi3",
    wifi: ssid && passphrase ? { ssid, passphrase } : undefined,
    dnsmasq: values.dnsmasq,
    prometheus: values.prometheus,
    terraform: values.terraform,
    coreHosts: servers.filter((server) => !isIPv4(server)),
    coreServers: servers.filter((server) => isIPv4(server)),
    cidr: values.CoreCidr || undefined,
    lost: [...lostVariables(values), ...unknown.map((key) => `${key}: not a variable that piinit knows`)],
  };
  const incomplete = Boolean(ssid) !== Boolean(passphrase);
  return { image, faults: incomplete ? [`${name}: Wi-Fi needs both, wifi_name and wifi_password`] : [] };
}

/** Undefined where the text is no JSON: JSON's own message would show the text, passwords included. */
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function lostVariables(values: z.output<typeof schema>): string[] {
  return [
    ...(values.home ? ["home: no key of yours is copied; your public SSH keys go to `roles: {ssh: {keys: […]}}`"] : []),
    ...(values.ConsulSerfEncrypt
      ? ["ConsulSerfEncrypt: new gossip keys are made, and kept as secrets of the stack"]
      : []),
    ...(values.nomad && values.promarch === "linux-armv6"
      ? ["nomad: there is no Nomad for this 32-bit board since 1.8.3"]
      : []),
  ];
}

function faultsBetween(images: readonly ImageVariables[]): string[] {
  const servers = images.filter(({ consul }) => consul === "server");
  if (servers.length === 0) {
    const files = images.map(({ file }) => file).join(" and ");
    return [`${files}: no Consul server; give the file with consul=server, too`];
  }
  if (servers.length === images.length && images.length > 1) {
    const files = servers.map(({ file }) => file).join(" and ");
    return [`${files}: both have consul=server; a server's file and a client's make two images`];
  }
  return [];
}

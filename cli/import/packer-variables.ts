import { isIPv4 } from "node:net";
import { z } from "zod";

/** A file with Packer variables of the original piinit. */
export interface VariableFile {
  /** For messages. */
  name: string;
  text?: string;
  /** Why there is no text. */
  problem?: string;
}

/** What one file of variables says about one image. */
export interface ImageVariables {
  file: string;
  consul: "server" | "client";
  /** Undefined on a board without Nomad. */
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
  /** Variables that are not carried over, each with the reason. */
  dropped: string[];
}

const text = z
  .union([z.string(), z.number(), z.boolean()], "must be a text")
  .transform((value) => (value === false ? "" : String(value).trim()))
  .default("");

const oneOf = <Value extends string>(values: readonly [Value, ...Value[]]) =>
  text.refine((value): value is Value | "" => value === "" || values.includes(value as Value), {
    error: `must be ${values.join(", ")} or empty`,
  });

// The original took any text as "on", even "false", so anything ambiguous is refused.
const onOff = text
  .refine((value) => ["", "true", "yes", "on", "1"].includes(value), 'must be "true" (on) or empty (off)')
  .transform((value) => value !== "");

const list = z
  .union([text, z.array(z.string())], "must be a list separated by commas")
  .transform((value) => (Array.isArray(value) ? value : value.split(",")).map((item) => item.trim()).filter(Boolean));

/** The original's Packer variables, and the settings that later replaced them. */
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

/** Parses the files' variables. Reports all faults of all files at once, and never a value. */
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
      path.length > 0
        ? `${name}: ${path.join(".")} ${message}`
        : `${name} is not a JSON file with an object of variables`,
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
    nomad: hasNomad(values) ? values.nomad || undefined : undefined,
    board: values.promarch === "linux-armv6" ? "pi-zero" : "pi3",
    wifi: ssid && passphrase ? { ssid, passphrase } : undefined,
    dnsmasq: values.dnsmasq,
    prometheus: values.prometheus,
    terraform: values.terraform,
    coreHosts: servers.filter((server) => !isIPv4(server)),
    coreServers: servers.filter((server) => isIPv4(server)),
    cidr: values.CoreCidr || undefined,
    dropped: [...droppedVariables(values), ...unknown.map((key) => `${key}: unknown variable`)],
  };
  const incomplete = Boolean(ssid) !== Boolean(passphrase);
  return { image, faults: incomplete ? [`${name}: Wi-Fi needs both wifi_name and wifi_password`] : [] };
}

/** Undefined if the text is not JSON; the message of JSON.parse would show the text, with its passwords. */
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Nomad has no releases for ARMv6. */
const hasNomad = ({ promarch }: z.output<typeof schema>): boolean => promarch !== "linux-armv6";

function droppedVariables(values: z.output<typeof schema>): string[] {
  return [
    ...(values.home ? ["home: no keys are copied; put your public SSH keys into `roles: {ssh: {keys: […]}}`"] : []),
    ...(values.ConsulSerfEncrypt
      ? ["ConsulSerfEncrypt: new gossip keys are generated and kept as secrets of the stack"]
      : []),
    ...(values.nomad && !hasNomad(values)
      ? ["nomad: Nomad has had no releases for this 32-bit board since 1.8.3"]
      : []),
  ];
}

function faultsBetween(images: readonly ImageVariables[]): string[] {
  const servers = images.filter(({ consul }) => consul === "server");
  if (servers.length === 0) {
    const files = images.map(({ file }) => file).join(" and ");
    return [`${files}: no Consul server; add the file with consul=server`];
  }
  if (servers.length === images.length && images.length > 1) {
    const files = servers.map(({ file }) => file).join(" and ");
    return [`${files}: both have consul=server; two images need one file of servers and one of clients`];
  }
  return [];
}

import { isIPv4 } from "node:net";
import { UserError } from "../../../../lib/errors.ts";
import { prefixOf } from "../../../../lib/network.ts";
import { turnOn } from "../../base/fit.ts";
import type { Service } from "../../base/service.ts";
import { openWeb, refusal, unlessRefused, type WebAnswer, type WebServer } from "../../base/web.ts";
import { withDigest } from "./digest.ts";

/** What a FRITZ!Box tells, and takes, by TR-064. */
export interface FritzBox {
  title: string;
  /** Every machine that it knows. */
  hosts(): Promise<Host[]>;
  service(): Promise<Service>;
  /** Why the user may change nothing, as far as it tells, and what to do. */
  whyDenied(): Promise<string | undefined>;
  rename(mac: string, name: string): Promise<void>;
}

export interface Host {
  /** Lower case. */
  mac: string;
  ip: string | undefined;
  name: string;
  /** It is connected now. */
  isActive: boolean;
}

const who = "FRITZ!Box";
const urn = "urn:dslforum-org:service";
const hostsService = { path: "/upnp/control/hosts", type: `${urn}:Hosts:1` };
const securityService = { path: "/upnp/control/lanconfigsecurity", type: `${urn}:LANConfigSecurity:1` };
const dhcpService = { path: "/upnp/control/lanhostconfigmgm", type: `${urn}:LANHostConfigManagement:1` };

export function openFritzBox(server: WebServer & { user: string; password: string }, signal: AbortSignal): FritzBox {
  const title = `${who} at ${server.url}`;
  const exchange = withDigest(who, openWeb(who, server, signal), server);
  const call = async (
    service: { path: string; type: string },
    action: string,
    args: Readonly<Record<string, string>>,
  ) => {
    const headers = { "content-type": 'text/xml; charset="utf-8"', soapaction: `${service.type}#${action}` };
    const text = envelope(service.type, action, args);
    return fieldsIn(await answered(server.url, exchange({ method: "POST", path: service.path, headers, text })));
  };
  return {
    title,
    async hosts() {
      const list = (await call(hostsService, "X_AVM-DE_GetHostListPath", {})).get("NewX_AVM-DE_HostListPath") ?? "";
      if (!/^\/[!-~]+$/.test(list)) throw new UserError(`${title} names no list of its machines`);
      return hostsIn(await answered(server.url, exchange({ method: "GET", path: list })));
    },
    service: async () => serviceIn(await call(dhcpService, "GetInfo", {})),
    async whyDenied() {
      const user = await unlessRefused(call(securityService, "X_AVM-DE_GetCurrentUser", {}));
      const given = user?.get("NewX_AVM-DE_CurrentUserRights") ?? "";
      const access = /<path>BoxAdmin<\/path>\s*<access>(\w+)<\/access>/.exec(given)?.[1];
      return access === undefined || access === "readwrite" ? undefined : rights;
    },
    async rename(mac, name) {
      await call(hostsService, "X_AVM-DE_SetHostNameByMACAddress", {
        NewMACAddress: mac.toUpperCase(),
        NewHostName: name,
      });
    },
  };
}

/** A FRITZ!Box that leaves out some of it tells nothing of its network. */
function serviceIn(fields: ReadonlyMap<string, string>): Service {
  const value = (name: string) => fields.get(name) ?? "";
  const [first, last, router] = [value("NewMinAddress"), value("NewMaxAddress"), value("NewIPRouters")];
  const prefix = prefixOf(value("NewSubnetMask"));
  const isTold = prefix !== undefined && [first, last].every(isIPv4);
  const cidr = `${isIPv4(router) ? router : first}/${prefix}`;
  return {
    networks: isTold ? [{ cidr, pools: [{ first, last }] }] : undefined,
    domain: value("NewDomainName") || undefined,
    ...(value("NewDHCPServerEnable") === "0" && {
      off: turnOn("Home Network > Network > Network Settings > IPv4 Settings"),
    }),
  };
}

function envelope(type: string, action: string, args: Readonly<Record<string, string>>): string {
  const values = Object.entries(args).map(([key, value]) => `<${key}>${encoded(value)}</${key}>`);
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">',
    `<s:Body><u:${action} xmlns:u="${type}">${values.join("")}</u:${action}></s:Body></s:Envelope>`,
  ].join("\n");
}

async function answered(url: string, asked: Promise<WebAnswer>): Promise<string> {
  const title = `${who} at ${url}`;
  const answer = await asked;
  const { status, text } = answer;
  if (status >= 200 && status < 300) {
    // A cut-off list would look like machines that are gone.
    if (/<\/(?:List|[\w-]+:Envelope)>\s*$/.test(text)) return text;
    throw new UserError(`no answer from ${title}: its answer isn't whole`);
  }
  const fields = fieldsIn(text);
  const code = fields.get("errorCode");
  const cause = refusal(who, url, answer);
  if (code === "606" || status === 403) throw new UserError(`${title} does not allow that: ${rights}`, { cause });
  if (code) throw new UserError(`${title} says ${code} ${fields.get("errorDescription") ?? ""}`.trim(), { cause });
  throw cause;
}

const rights = "the user needs the right to change FRITZ!Box settings, and apps must be allowed to log in";

/** The elements with text alone, by name. */
function fieldsIn(xml: string): Map<string, string> {
  const elements = xml.matchAll(/<(?:\w+:)?([\w-]+)(?:\s[^<>]*)?>([^<]*)<\/(?:\w+:)?\1>/g);
  return new Map([...elements].map(([, name = "", value = ""]) => [name, decoded(value)]));
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const encoded = (text: string) => text.replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const decoded = (text: string) =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (all, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (entities[name] ?? all),
  );

function hostsIn(xml: string): Host[] {
  if (!/<List[\s/>]/.test(xml)) throw new UserError("FRITZ!Box answers with something else than a list of machines");
  return [...xml.matchAll(/<Item>(.*?)<\/Item>/gs)].flatMap(([, item = ""]) => {
    const fields = fieldsIn(item);
    const [mac = "", ip = ""] = [fields.get("MACAddress"), fields.get("IPAddress")];
    // Machines behind a VPN have none.
    if (mac === "") return [];
    const isActive = fields.get("Active") === "1";
    return [{ mac: mac.toLowerCase(), ip: isIPv4(ip) ? ip : undefined, name: fields.get("HostName") ?? "", isActive }];
  });
}

import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { short } from "../../../../lib/http.ts";
import type { NamedNetwork } from "../../base/place.ts";
import { renewing, type Sessions } from "../../base/session.ts";
import { openWeb, unlessRefused, type WebRequest, type WebServer } from "../../base/web.ts";
import {
  type Account,
  explained,
  hintFor,
  isStranger,
  needsRight,
  type Session,
  startSession,
  who,
} from "./session.ts";

/** UniFi Network's clients, networks and stations of one site. Each change is a request of its own. */
export interface UniFi {
  title: string;
  /** Every client that it has ever seen or been told of. */
  clients(): Promise<Client[]>;
  networks(): Promise<UniFiNetwork[]>;
  /** Who is connected now. */
  stations(): Promise<Station[]>;
  /** Why the account may change nothing, as far as it tells, and what to do. */
  whyDenied(): Promise<string | undefined>;
  add(mac: string, fields: Fields): Promise<void>;
  change(id: string, fields: Fields): Promise<void>;
  /** Removes a client with its history. */
  forget(mac: string): Promise<void>;
}

const text = z.string().optional();
const client = z.object({
  _id: z.string(),
  mac: z.string(),
  name: text,
  hostname: text,
  note: text,
  use_fixedip: z.boolean().optional(),
  /** It stays when the client no longer has it, and nobody else may have it then. */
  fixed_ip: text,
  network_id: text,
  last_seen: z.number().optional(),
});
const network = z.object({
  _id: z.string(),
  name: text,
  ip_subnet: text,
  dhcpd_enabled: z.boolean().optional(),
  dhcpd_start: text,
  dhcpd_stop: text,
  domain_name: text,
});
const site = z.object({ name: z.string(), role: text });
const station = z.object({ mac: z.string(), ip: text, hostname: text, name: text });

export type Client = z.output<typeof client>;
type Station = z.output<typeof station>;

export type UniFiNetwork = NamedNetwork & { domain: string | undefined };

/** What is set of a client. */
export interface Fields {
  use_fixedip: boolean;
  fixed_ip?: string;
  network_id?: string;
  name: string;
  note: string;
  /** Whether it has a note. */
  noted: boolean;
}

type Server = WebServer & Account & { site: string };

/** One session for all of `work`, or another if UniFi ends it early. `work` gets the interface twice: the second one is not stopped by ^C. */
export async function withUniFi<T>(
  server: Server,
  signal: AbortSignal,
  work: (uniFi: UniFi, lasting: UniFi) => Promise<T>,
): Promise<T> {
  const unstopped = new AbortController().signal;
  // An API key has none that could end.
  const hasEnded = (error: unknown) => server.apiKey === undefined && isStranger(error);
  const begin = () => startSession(server, unstopped);
  const sessions = renewing(await startSession(server, signal), begin, hasEnded);
  try {
    return await work(openUniFi(server, sessions, signal), openUniFi(server, sessions, unstopped));
  } finally {
    await sessions.current().end();
  }
}

function openUniFi(server: Server, sessions: Sessions<Session>, signal: AbortSignal): UniFi {
  const title = `${who} at ${server.url}`;
  const web = openWeb(who, server, signal);
  const ask = <T>(method: WebRequest<T>["method"], path: string, item: z.ZodType<T>, body?: unknown) =>
    askAt(`s/${server.site}/${path}`, method, item, body);
  const askAt = async <T>(path: string, method: WebRequest<T>["method"], item: z.ZodType<T>, body?: unknown) => {
    const schema = z.object({
      meta: z.object({ rc: z.string(), msg: text }),
      data: z.array(item).default([]),
    });
    const request = ({ prefix, headers }: Session) => ({
      method,
      path: `${prefix}/api/${path}`,
      headers,
      schema,
      ...(body !== undefined && { body }),
    });
    const asked = sessions.use((session) => web.ask(request(session)));
    const { meta, data } = await asked.catch((error) => {
      throw explained(error, server);
    });
    refuseFailure(title, meta);
    return data;
  };
  return {
    title,
    clients: () => ask("GET", "rest/user", client),
    async networks() {
      const served = (await ask("GET", "rest/networkconf", network)).filter((one) => one.dhcpd_enabled);
      return served.flatMap(({ _id, name = _id, ip_subnet, dhcpd_start: first, dhcpd_stop: last, domain_name }) =>
        ip_subnet
          ? [
              {
                id: _id,
                name,
                cidr: ip_subnet,
                pools: first && last ? [{ first, last }] : [],
                domain: domain_name || undefined,
              },
            ]
          : [],
      );
    },
    stations: () => ask("GET", "stat/sta", station),
    async whyDenied() {
      const sites = await unlessRefused(askAt("self/sites", "GET", site));
      const isReader = sites?.some(({ name, role }) => name === server.site && role === "readonly");
      return isReader ? `its role is to read only. ${needsRight}` : undefined;
    },
    async add(mac, fields) {
      const nested = z.object({ meta: z.object({ rc: z.string(), msg: text }) });
      const body = { objects: [{ data: { mac, ...fields } }] };
      for (const { meta } of await ask("POST", "group/user", nested, body)) refuseFailure(title, meta);
    },
    async change(id, fields) {
      await ask("PUT", `rest/user/${encodeURIComponent(id)}`, z.unknown(), fields);
    },
    async forget(mac) {
      await ask("POST", "cmd/stamgr", z.unknown(), { cmd: "forget-sta", macs: [mac] });
    },
  };
}

/** It may refuse with status 200. */
function refuseFailure(title: string, { rc, msg = rc }: { rc: string; msg?: string | undefined }): void {
  if (rc === "ok") return;
  throw new UserError([`${title} says ${short(msg)}`, hintFor(msg)].filter(Boolean).join("\n"));
}

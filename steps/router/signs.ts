import { z } from "zod";

/** What tells a kind of router from others, to somebody who has not logged in. */
export interface Sign {
  kind: string;
  /** Where else than at the ports of HTTP and HTTPS, such as "http:8000". */
  places?: readonly string[];
  method?: "POST";
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  isIn(answer: { status: number; text: string }): boolean;
}

/** Questions that change nothing and that every version has been seen or is documented to answer like this. */
export const signs: readonly Sign[] = [
  {
    kind: "pihole",
    places: ["http:8080", "https:8443"],
    path: "/api/auth",
    isIn: says(
      z.union([
        z.object({ session: z.object({ valid: z.boolean(), totp: z.boolean() }) }),
        z.object({ error: z.object({ key: z.literal("unauthorized") }), took: z.number() }),
      ]),
    ),
  },
  {
    kind: "adguard",
    places: ["http:3000"],
    path: "/control/login",
    isIn: ({ status, text }) => status === 405 && /only method POST is allowed/.test(text),
  },
  {
    kind: "openwrt",
    method: "POST",
    path: "/ubus",
    body: { jsonrpc: "2.0", id: 1, method: "list", params: ["session"] },
    isIn: says(z.object({ jsonrpc: z.literal("2.0") })),
  },
  {
    kind: "unifi",
    path: "/api/system",
    isIn: says(z.object({ hardware: z.object({ shortname: z.string() }) })),
  },
  {
    kind: "unifi",
    places: ["https:8443"],
    path: "/status",
    isIn: says(z.object({ meta: z.object({ rc: z.literal("ok"), server_version: z.string() }) })),
  },
  {
    kind: "routeros",
    path: "/rest",
    isIn: says(z.object({ error: z.literal(401), message: z.literal("Unauthorized") })),
  },
  {
    kind: "opnsense",
    path: "/api/core/firmware/status",
    isIn: says(z.object({ status: z.literal(401), message: z.literal("Authentication Failed") })),
  },
  {
    kind: "pfsense",
    path: "/api/v2/status/system",
    isIn: says(z.object({ code: z.literal(401), response_id: z.string() })),
  },
  {
    kind: "fritzbox",
    places: ["https:49443", "http:49000"],
    path: "/tr64desc.xml",
    isIn: ({ status, text }) => status === 200 && /FRITZ!Box/.test(text),
  },
  {
    kind: "kea",
    places: ["http:8000", "https:8000"],
    method: "POST",
    path: "/",
    body: { command: "list-commands", service: ["dhcp4"] },
    isIn: says(
      z.union([
        z.tuple([z.object({ result: z.number(), arguments: z.array(z.string()).optional() })]),
        z.object({ result: z.literal(401), text: z.literal("Unauthorized") }),
      ]),
    ),
  },
];

function says(schema: z.ZodType): Sign["isIn"] {
  return ({ text }) => {
    try {
      return schema.safeParse(JSON.parse(text)).success;
    } catch {
      return false;
    }
  };
}

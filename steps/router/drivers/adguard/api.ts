import { z } from "zod";
import type { Reservation } from "../../base/driver.ts";
import { basicHeaders, NotLetIn, openWeb, Refusal, type WebServer, wrongLogin } from "../../base/web.ts";

/** AdGuard Home's DHCP server. */
export interface AdGuard {
  url: string;
  status(): Promise<Status>;
  /** Each takes effect at once, and is refused without any. */
  add(entry: Reservation): Promise<void>;
  /** Gives the machine of that MAC another address or name. */
  update(entry: Reservation): Promise<void>;
  /** The entry must be exactly as it is there. */
  remove(entry: Reservation): Promise<void>;
}

const entryShape = z.object({ mac: z.string(), ip: z.string(), hostname: z.string() });
const statusShape = z.object({
  /** Its DHCP server is on. */
  enabled: z.boolean(),
  /** What it serves; empty texts before it was set up. */
  v4: z
    .object({ gateway_ip: z.string(), subnet_mask: z.string(), range_start: z.string(), range_end: z.string() })
    .optional(),
  leases: z.array(entryShape.extend({ expires: z.string() })),
  static_leases: z.array(entryShape),
});
export type Status = z.output<typeof statusShape>;

/**
 * Every request has the user and the password, so there is no session to end. After a refusal nothing else is asked:
 * five wrong passwords lock this computer out.
 */
export function openAdGuard(server: WebServer & { user: string; password: string }, signal: AbortSignal): AdGuard {
  const { url } = server;
  const web = openWeb("AdGuard Home", server, signal);
  const headers = basicHeaders(server);
  const change = (verb: string) => async (entry: Reservation) => {
    const body = { mac: entry.mac, ip: entry.ip, hostname: entry.name };
    await web.ask({ method: "POST", path: `/control/dhcp/${verb}_static_lease`, headers, body }).catch(explain(url));
  };
  return {
    url,
    status: () =>
      web.ask({ method: "GET", path: "/control/dhcp/status", headers, schema: statusShape }).catch(explain(url)),
    add: change("add"),
    update: change("update"),
    remove: change("remove"),
  };
}

function explain(url: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Refusal && [401, 403, 429].includes(error.status))) throw error;
    const lockout = "After five wrong ones it refuses even the right one for 15 minutes.";
    throw new NotLetIn(`${wrongLogin(`AdGuard Home at ${url}`)}\n${lockout}`, { cause: error });
  };
}

import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { renewing, type Sessions } from "../../base/session.ts";
import {
  mayPass,
  NotLetIn,
  openWeb,
  Refusal,
  unlessRefused,
  type Web,
  type WebRequest,
  type WebServer,
} from "../../base/web.ts";

/** Pi-hole's interface with one session. */
export interface PiHole {
  url: string;
  /** The `dhcp-host` values of its settings, in their order. */
  hosts(): Promise<string[]>;
  /** These with the rest of its settings for DHCP. */
  dhcp(): Promise<Dhcp>;
  /** Replaces all of them; returns when Pi-hole, which starts again for that, is back. */
  replaceHosts(hosts: readonly string[]): Promise<void>;
  leases(): Promise<PiHoleLease[]>;
  /** Why the password may change nothing, if that is so, and what to do. */
  whyDenied(): Promise<string | undefined>;
}

const leaseShape = z.object({ expires: z.number(), hwaddr: z.string(), ip: z.string(), name: z.string() });
type PiHoleLease = z.output<typeof leaseShape>;

const who = "Pi-hole";
const sessionShape = z.object({
  session: z.object({ valid: z.boolean(), sid: z.string().nullable(), message: z.string().nullish() }),
});
const text = z.string().default("");
const dhcpShape = z.object({
  /** Otherwise it stores what it is told, and uses none of it. */
  active: z.boolean(),
  start: text,
  end: text,
  router: text,
  /** Most often empty, for that of its interface. */
  netmask: text,
  hosts: z.array(z.string()),
});
export type Dhcp = z.output<typeof dhcpShape>;
const configShape = z.object({ config: z.object({ dhcp: dhcpShape }) });
const sudoShape = z.object({
  config: z.object({ webserver: z.object({ api: z.object({ app_sudo: z.boolean() }) }) }),
});
const leasesShape = z.object({ leases: z.array(leaseShape) });

/**
 * Logs in once, or once more if Pi-hole forgets the session, lets `work` have it, and logs out: Pi-hole has few sessions,
 * and keeps each for half an hour.
 */
export async function withPiHole<T>(
  server: WebServer & { password: string },
  signal: AbortSignal,
  work: (piHole: PiHole) => Promise<T>,
): Promise<T> {
  const web = openWeb(who, server, signal);
  // What asks for another session may be a change that ^C does not stop.
  const again = () => login(openWeb(who, server, new AbortController().signal), server);
  const sessions = renewing(await login(web, server), again, hasEnded);
  try {
    return await work(piHoleOf(server, web, sessions));
  } finally {
    const { headers } = sessions.current();
    // It must also happen when the work has been interrupted, and what went wrong there is what the user must know.
    if (headers) await logout(server, headers).catch(() => undefined);
  }
}

const hasEnded = (error: unknown): boolean => error instanceof Refusal && error.status === 401;

type Headers = Readonly<Record<string, string>>;

interface Session {
  /** Undefined if Pi-hole asks for no password. */
  headers: Headers | undefined;
  /** By an app password. */
  isApp: boolean;
}

async function login(web: Web, { url, password }: { url: string; password: string }): Promise<Session> {
  const request = { method: "POST", path: "/api/auth", body: { password }, schema: sessionShape } as const;
  const { session } = await web.ask(request).catch((error) => {
    throw error instanceof Refusal && error.status < 500 ? new NotLetIn(whyNotIn(url, error), { cause: error }) : error;
  });
  if (!session.valid) throw new NotLetIn(wrongPassword(url));
  const headers = session.sid === null ? undefined : { "x-ftl-sid": session.sid };
  return { headers, isApp: session.message === "app-password correct" };
}

const wrongPassword = (url: string) =>
  `Pi-hole at ${url} does not accept the password. It was tried once. Set the right one: ./piinit secret network.router.password STACK`;

function whyNotIn(url: string, { status, text, message }: Refusal): string {
  if (status === 401) return wrongPassword(url);
  if (status === 429 && text.includes("api_seats_exceeded"))
    return `Pi-hole at ${url} has no session left: log out of its pages, or wait for half an hour`;
  if (status === 429)
    return `Pi-hole at ${url} has had too many logins in a short time: wait for a minute and run the same command again`;
  return message;
}

async function logout(server: WebServer, headers: Headers): Promise<void> {
  const web = openWeb(who, server, new AbortController().signal, 3000);
  await web.ask({ method: "DELETE", path: "/api/auth", headers });
}

function piHoleOf(server: WebServer, web: Web, sessions: Sessions<Session>): PiHole {
  const { url } = server;
  // ^C must not come between a change and the end of the restart: whoever runs next would find nobody there.
  const lasting = openWeb(who, server, new AbortController().signal);
  const ask = <T>(request: WebRequest<T>, over = web) =>
    sessions
      .use(({ headers }) => over.ask({ ...request, ...(headers && { headers }) }))
      .catch((error) => {
        if (!hasEnded(error)) throw error;
        throw new UserError(`${error.message}\nIts session has ended early: run the same command again.`, {
          cause: error,
        });
      });
  const config = (over = web) => ask({ method: "GET", path: "/api/config/dhcp", schema: configShape }, over);
  return {
    url,
    hosts: async () => (await config()).config.dhcp.hosts,
    dhcp: async () => (await config()).config.dhcp,
    async replaceHosts(wanted) {
      const body = { config: { dhcp: { hosts: wanted } } };
      await ask({ method: "PATCH", path: "/api/config", body }, lasting).catch(async (error) => {
        if (error instanceof Refusal && error.status < 500) throw new UserError(whyNotChanged(error), { cause: error });
        // It may have been changed all the same, and start again now.
        if (mayPass(error)) await untilBack(() => config(lasting)).catch(() => undefined);
        throw error;
      });
      await untilBack(() => config(lasting));
    },
    leases: async () => (await ask({ method: "GET", path: "/api/dhcp/leases", schema: leasesShape })).leases,
    async whyDenied() {
      if (!sessions.current().isApp) return undefined;
      const path = "/api/config/webserver/api/app_sudo";
      const told = await unlessRefused(ask({ method: "GET", path, schema: sudoShape }));
      return told && !told.config.webserver.api.app_sudo ? mayOnlyRead : undefined;
    },
  };
}

const mayOnlyRead =
  "This password may only read: use the web interface's own, or turn webserver.api.app_sudo on for app passwords.";

function whyNotChanged({ status, text, message }: Refusal): string {
  if (status === 403) return `${message}\n${mayOnlyRead}`;
  if (status === 400 && text.includes("environment variables"))
    return `${message}\nThe container's FTLCONF_dhcp_hosts rules them: remove it, and enter its reservations in Pi-hole.`;
  return message;
}

const restartsAfterMs = 1500;
const restartMs = 30_000;

/** Pi-hole's program starts itself again about a second after it has answered, and refuses connections meanwhile. */
async function untilBack(look: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + restartMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, restartsAfterMs));
    try {
      return void (await look());
    } catch (error) {
      if (!mayPass(error) || Date.now() > end) throw error;
    }
  }
}

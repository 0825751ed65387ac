import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import {
  NotLetIn,
  openWeb,
  Refusal,
  refusal,
  type Web,
  type WebAnswer,
  type WebServer,
  wrongLogin,
} from "../../base/web.ts";

export interface Account {
  apiKey?: string | undefined;
  user?: string | undefined;
  password?: string | undefined;
}

/** How its interface is asked from now on. */
export interface Session {
  /** What all paths of UniFi Network begin with. */
  prefix: string;
  headers: Readonly<Record<string, string>>;
  end(): Promise<void>;
}

export const who = "UniFi Network";

/** With an API key there is no session. Otherwise logs in; UniFi counts logins, and refuses all after a few. */
export async function startSession(server: WebServer & Account, signal: AbortSignal): Promise<Session> {
  const { apiKey } = server;
  if (apiKey !== undefined)
    return { prefix: "/proxy/network", headers: { "x-api-key": apiKey }, end: async () => undefined };
  const web = openWeb(who, server, signal);
  return (await isUniFiOs(web)) ? logInToUniFiOs(web, server) : logInToController(web, server);
}

/** UniFi's consoles show a page at the root; the older controllers, on a computer of one's own, lead to another one. */
async function isUniFiOs(web: Web): Promise<boolean> {
  const { status } = await web.exchange({ method: "GET", path: "/" });
  return status === 200;
}

async function logInToUniFiOs(web: Web, server: WebServer & Account): Promise<Session> {
  const answer = await logIn(web, server, "/api/auth/login");
  const cookie = cookiesOf(answer);
  const token = answer.headers["x-csrf-token"];
  const headers = { cookie, "x-csrf-token": csrfTokenIn(cookie) ?? (typeof token === "string" ? token : "") };
  return { prefix: "/proxy/network", headers, end: () => logOut(server, headers, "/api/auth/logout") };
}

async function logInToController(web: Web, server: WebServer & Account): Promise<Session> {
  const headers = { cookie: cookiesOf(await logIn(web, server, "/api/login")) };
  return { prefix: "", headers, end: () => logOut(server, headers, "/api/logout") };
}

async function logIn(web: Web, server: WebServer & Account, path: string): Promise<WebAnswer> {
  const { url, user, password } = server;
  const answer = await web.exchange({ method: "POST", path, body: { username: user, password } });
  if (answer.status === 200) return answer;
  const cause = refusal(who, url, answer);
  if (answer.status >= 500) throw cause;
  throw new NotLetIn(whyNotIn(url, answer), { cause });
}

function whyNotIn(url: string, answer: WebAnswer): string {
  const { status, text } = answer;
  if (/MFA|2FA/i.test(text) || status === 499)
    return `${who} at ${url} wants a second factor of this account: use an API key, or a local account without one`;
  if (status === 429 || text.includes("LIMIT_REACHED"))
    return `${who} at ${url} has had too many logins in a short time: wait for some minutes and run the same command again, or use an API key`;
  if ([400, 401, 403].includes(status)) return wrongLogin(`${who} at ${url}`);
  return refusal(who, url, answer).message;
}

const cookiesOf = ({ headers }: WebAnswer): string =>
  (headers["set-cookie"] ?? []).map((cookie) => cookie.replace(/;.*/s, "")).join("; ");

const payload = z.object({ csrfToken: z.string() });

/** The cookie is a JSON Web Token that has the other token in it. */
function csrfTokenIn(cookies: string): string | undefined {
  const [, body = ""] = /(?:^|; )TOKEN=[^.;]*\.([^.;]*)\./.exec(cookies) ?? [];
  try {
    return payload.parse(JSON.parse(Buffer.from(body, "base64url").toString("utf8"))).csrfToken;
  } catch {
    return undefined;
  }
}

/** It must also happen when the work has been interrupted, and nothing depends on it. */
async function logOut(server: WebServer, headers: Session["headers"], path: string): Promise<void> {
  const web = openWeb(who, server, new AbortController().signal, 3000);
  await web.ask({ method: "POST", path, headers, body: {} }).catch(() => undefined);
}

/** Whether it no longer knows the session, or who asks at all. */
export const isStranger = (error: unknown): error is Refusal =>
  error instanceof Refusal && error.status === 401 && !hintFor(error.text);

/** What to do about a refusal of anything but a login. */
export function explained(error: unknown, { url, apiKey }: WebServer & Account): unknown {
  if (!(error instanceof Refusal)) return error;
  const { status, text, message } = error;
  if (status === 401 && apiKey !== undefined)
    return new NotLetIn(
      `${who} at ${url} does not accept the API key. It was tried once. Set the right one: ./piinit secret network.router.apiKey STACK`,
      { cause: error },
    );
  if (isStranger(error))
    return new UserError(`${message}\nIts session has ended early: run the same command again.`, { cause: error });
  const hint = status === 403 ? needsRight : hintFor(text);
  return hint ? new UserError(`${message}\n${hint}`, { cause: error }) : error;
}

export const needsRight = "The account or API key must be allowed to manage UniFi Network fully.";

const hints: Readonly<Record<string, string>> = {
  "api.err.NoPermission": needsRight,
  "api.err.NoSiteContext": "Set `site` to the site's short name, as its pages' addresses have it: default, for most.",
  "api.err.FixedIpAlreadyUsedByDevice": "One of UniFi's own devices has this address: give the machine another one.",
  "api.err.FixedIpAlreadyUsedByClient":
    "Another client has this address: give that one another, or remove it from the list of clients (Forget).",
};

export const hintFor = (text: string): string | undefined =>
  Object.entries(hints).find(([code]) => text.includes(code))?.[1];

import { z } from "zod";
import { UserError } from "../../../lib/errors.ts";
import { type Answer, isMarkup, NoAnswer, readJson, send, short } from "../../../lib/http.ts";
import { checkedConnection } from "./certificate.ts";

/** The settings of every router that is driven over its web interface. */
export const webSettings = (example: string) => ({
  url: z
    .string()
    .regex(
      /^https?:\/\/(?:[A-Za-z0-9](?:[\w.-]*)|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/,
      `must be https://, or http:// where there is nothing else, and the router's name or address, such as ${example}`,
    )
    .meta({
      description: "The address of its web interface; with `http:`, the password crosses the network in clear.",
      example,
    }),
  fingerprint: z
    .string()
    .regex(/^(?:[0-9a-fA-F]{2}[: ]?){31}[0-9a-fA-F]{2}$/, "must be a SHA-256 fingerprint: 32 pairs such as AA:BB:…")
    .optional()
    .meta({
      description: "The SHA-256 fingerprint of its certificate, if that is self-signed; `doctor` tells it.",
      example: Array.from({ length: 32 }, (_, index) => (index + 160).toString(16).toUpperCase()).join(":"),
    }),
});

/** The user and the password of a web interface, sent with each request. */
export const basicLogin = {
  user: z
    .string()
    .regex(/^[^:\r\n]+$/, "must be a user name without a colon")
    .meta({ description: "The user of its web interface.", example: "admin" }),
  password: z
    .string()
    .min(1)
    .meta({ description: "The password of its web interface.", example: "correct horse", secret: "always" }),
};

export const basicHeaders = ({ user, password }: { user: string; password: string }) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

/** Why nothing else was asked after that refusal. */
export const wrongLogin = (router: string) =>
  [
    `${router} does not accept the user and password. They were tried once. Set the right ones:`,
    "  ./piinit secret network.router.password STACK",
  ].join("\n");

/** The router does not accept the login of the settings. Routers shut out who tries that often, so it is not tried again. */
export class NotLetIn extends UserError {
  override name = "NotLetIn";
}

/** For the settings' schema: only a certificate has a fingerprint. */
export const fitsUrl: [(settings: WebServer) => boolean, { path: PropertyKey[]; error: string }] = [
  ({ url, fingerprint }: WebServer) => fingerprint === undefined || url.startsWith("https:"),
  { path: ["fingerprint"], error: "must be left out with http:, which has no certificate" },
];

export interface WebServer {
  url: string;
  fingerprint?: string | undefined;
}

/** The address or name in a URL of the settings. */
export const hostIn = ({ url }: WebServer): string => new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");

/** The router said no. */
export class Refusal extends UserError {
  override name = "Refusal";
  readonly status: number;
  /** What it said, to be searched for known words; untrusted. */
  readonly text: string;

  constructor(message: string, status: number, text: string) {
    super(message);
    this.status = status;
    this.text = text;
  }
}

/** Nobody answered, or the router had a fault of its own: the same question may be answered in a moment. */
export function mayPass(error: unknown): boolean {
  const why = error instanceof UserError && error.cause !== undefined ? error.cause : error;
  return why instanceof NoAnswer || (why instanceof Refusal && why.status >= 500);
}

/** What the router answers, or undefined if it refuses that, as to a login that may not ask or before it had such a question. */
export async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const isRefused = error instanceof Refusal || (error instanceof UserError && error.cause instanceof Refusal);
    if (isRefused && !(error instanceof NotLetIn)) return undefined;
    throw error;
  }
}

export interface WebRequest<T> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Begins with a slash; its parts are percent-encoded. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, with a `content-type` of the caller's. */
  text?: string;
  /** The shape of the answer, if it matters; the answer's other statuses than 2xx are refusals. */
  schema?: z.ZodType<T>;
}

/** Any answer, refusals and redirects too. */
export interface WebAnswer {
  status: number;
  headers: Answer["headers"];
  text: string;
}

export interface Web {
  /** Like `ask`, without judging the answer: for cookies, challenges and what isn't JSON. */
  exchange(request: WebRequest<unknown>): Promise<WebAnswer>;
  /**
   * Sends one request on a connection of its own, and nothing before the certificate has been checked.
   * @throws Refusal for a status that isn't 2xx; UserError if there is no usable answer, so that the request may have
   *   been carried out or not
   */
  ask<T = unknown>(request: WebRequest<T>): Promise<T>;
}

const timeoutMs = 20_000;
const mostBytes = 8 << 20;

/** `who` names the router for users, such as "Pi-hole". */
export function openWeb(
  who: string,
  { url, fingerprint }: WebServer,
  signal: AbortSignal,
  patienceMs = timeoutMs,
): Web {
  const telling = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (signal.aborted) throw new UserError(`interrupted while talking to ${who} at ${url}`);
      throw new UserError(`no answer from ${who} at ${url}: ${error.message}`, { cause: error });
    }
  };
  const exchange = ({ method, path, headers, body, text }: WebRequest<unknown>): Promise<WebAnswer> =>
    telling(async () => {
      const sent = body === undefined ? text : JSON.stringify(body);
      const answer = await send({
        who,
        url: `${url}${path}`,
        method,
        timeoutMs: patienceMs,
        signal,
        mostBytes,
        headers: {
          accept: "application/json",
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(sent !== undefined && { body: Buffer.from(sent) }),
        ...(url.startsWith("https:") && {
          connect: (ended: AbortSignal) => checkedConnection(url, fingerprint, ended),
        }),
      });
      return { status: answer.status, headers: answer.headers, text: answer.body.toString("utf8") };
    });
  const ask = async <T>(request: WebRequest<T>): Promise<T> => {
    const answer = await exchange(request);
    if (answer.status < 200 || answer.status >= 300) throw refusal(who, url, answer);
    const { schema } = request;
    return schema ? telling(async () => readJson(who, `${url}${request.path}`, answer.text, schema)) : (undefined as T);
  };
  return { exchange, ask };
}

export function refusal(who: string, url: string, { status, headers, text }: WebAnswer): Refusal {
  const said = isMarkup(text) ? "with a web page" : short(text);
  const after = headers["retry-after"];
  const pause = after && /^\d{1,6}$/.test(after) ? `; it wants no further request for ${after} s` : "";
  return new Refusal(`${who} at ${url} says ${`${status} ${said}`.trim()}${pause}`, status, text);
}

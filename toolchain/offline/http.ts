import { send } from "../../lib/http.ts";
import { printable } from "../../lib/words.ts";

/** An answer with an error status, worded as in Consul's and Nomad's own clients. */
export class HttpFailure extends Error {
  override name = "HttpFailure";
  readonly status: number;
  /** The body of the answer. */
  readonly text: string;

  constructor(status: number, text: string) {
    super(`Unexpected response code: ${status} (${printable(text)})`);
    this.status = status;
    this.text = text;
  }
}

export interface HttpRequest {
  method?: "GET" | "PUT" | "POST" | "DELETE";
  query?: Record<string, string | undefined>;
  headers?: Record<string, string | undefined>;
  /** A string is sent as it is, anything else as JSON. */
  body?: unknown;
  /** PEM of the only authority whose certificates count there. */
  ca?: string | undefined;
  signal?: AbortSignal;
}

export interface HttpAnswer {
  text: string;
  /** The question: `Get "URL"`. */
  asked: string;
}

/** For one whole answer. */
const timeoutMs = 60_000;
const mostBytes = 256 << 20;

/** Sends a request to an agent's HTTP API. @throws HttpFailure, or an Error that says why there was no answer */
export async function ask(base: string, path: string, request: HttpRequest = {}): Promise<HttpAnswer> {
  const url = new URL(path, base);
  for (const [name, value] of present(request.query)) url.searchParams.set(name, value);
  const { method = "GET", ca, signal } = request;
  const headers = Object.fromEntries(present(request.headers));
  const sent = { who: "the agent", url: url.href, method, headers, ca, signal, timeoutMs, mostBytes };
  const { status, body } = await send({ ...sent, body: encode(request.body) }).catch((error: unknown) => {
    throw signal?.aborted ? new Error("interrupted", { cause: error }) : unreachable(method, url, error);
  });
  const text = body.toString("utf8");
  if (status < 200 || status >= 300) throw new HttpFailure(status, text.trim());
  return { text, asked: askedText(method, url) };
}

function encode(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

/**
 * The value of an answer in JSON.
 * @param isIt whether it is what the agent says there
 * @throws an Error that says that it isn't
 */
export function readJson<T>({ text, asked }: HttpAnswer, isIt: (value: unknown) => value is T): T {
  const value = parse(text);
  if (isIt(value)) return value;
  throw new Error(`${asked}: the answer is not what an agent says there`);
}

/** Undefined, which JSON can't say, for what isn't JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object of which `has` is true. */
export const isObject =
  <T extends object>(has: (value: Partial<T>) => boolean) =>
  (value: unknown): value is T =>
    typeof value === "object" && value !== null && has(value);

function present(values: Record<string, string | undefined> = {}): [string, string][] {
  return Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

/** Worded as in Go programs, like the official plugins, because people search for these words. */
function unreachable(method: string, url: URL, error: unknown): Error {
  const { message, cause } = error as Error;
  const { code = "" } = (cause ?? {}) as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ECONNREFUSED: `dial tcp ${url.host}: connect: connection refused`,
    ENOTFOUND: `dial tcp: lookup ${url.hostname}: no such host`,
    ETIMEDOUT: `dial tcp ${url.host}: i/o timeout`,
    ECONNRESET: "connection reset by peer",
    EHOSTUNREACH: `dial tcp ${url.host}: connect: no route to host`,
    CERT_HAS_EXPIRED: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  };
  return new Error(`${askedText(method, url)}: ${reasons[code] ?? message}`, { cause: error });
}

const askedText = (method: string, url: URL) => `${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}"`;

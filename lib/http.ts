import { Agent, type ClientRequestArgs, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { request as requestSecurely, Agent as SecureAgent } from "node:https";
import type { z } from "zod";
import { startDeadline } from "./deadline.ts";
import { UserError } from "./errors.ts";

/**
 * There was no usable answer. The message is the reason for users, to follow "no answer from Consul:", such as
 * "connection refused" or "what answers isn't Consul (HTML)".
 */
export class NoAnswer extends Error {
  override name = "NoAnswer";
  /** Something else answers at that address. */
  readonly isStranger: boolean;
  /** The status of a refusal, such as 500. */
  readonly status: number | undefined;
  /** Its certificate can't be trusted. */
  readonly isDistrusted: boolean;
  /** Its certificate was good until some day. */
  readonly hasExpired: boolean;

  constructor(reason: string, { isStranger = false, status, isDistrusted = false, cause }: NoAnswerKind = {}) {
    super(reason, { cause });
    this.isStranger = isStranger;
    this.status = status;
    this.isDistrusted = isDistrusted;
    this.hasExpired = (cause as NodeJS.ErrnoException | undefined)?.code === "CERT_HAS_EXPIRED";
  }
}

interface NoAnswerKind {
  isStranger?: boolean;
  status?: number;
  isDistrusted?: boolean;
  cause?: unknown;
}

/** The answer; undefined where there is none. */
export async function unlessSilent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  }
}

interface Request {
  /** Who is asked, e.g. "Consul". */
  who: string;
  url: string;
  /** How long the complete answer may take. */
  timeoutMs: number;
  headers?: Readonly<Record<string, string>>;
  /** PEM of the only authority whose certificates count there; default: those that Node.js knows. */
  ca?: string | undefined;
  /** Default: PUT with a body, GET without. */
  method?: string;
  body?: Buffer | undefined;
  signal?: AbortSignal | undefined;
}

export interface Question<T> extends Request {
  /** The shape of the answer; anything else is rejected. */
  schema: z.ZodType<T>;
  /** Error statuses whose body is an answer nevertheless. */
  alsoStatus?: number;
}

const mostTextBytes = 8 << 20;

/** Asks for JSON and follows no redirect. Fails only with NoAnswer. */
export async function askJson<T>(question: Question<T>): Promise<T> {
  const { who, url, schema, alsoStatus } = question;
  const text = (await exchange({ ...question, mostBytes: mostTextBytes, alsoStatus })).toString("utf8");
  return readJson(who, url, text, schema);
}

/** The answer from that URL, checked. Fails only with NoAnswer. */
export function readJson<T>(who: string, url: string, text: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parse(who, text));
  if (result.success) return result.data;
  const place = result.error.issues[0]?.path.join(".");
  throw stranger(
    who,
    place ? `JSON without a right ${short(place)}` : `JSON, but not that of ${new URL(url).pathname}`,
  );
}

/** Asks for up to that many bytes and follows no redirect. Fails only with NoAnswer. */
export function askBytes(question: Request & { mostBytes: number }): Promise<Buffer> {
  return exchange(question);
}

/** Sends bytes with PUT, and returns once they have been accepted. Fails only with NoAnswer. */
export async function putBytes(sending: Request & { body: Buffer }): Promise<void> {
  await exchange({ ...sending, mostBytes: mostTextBytes });
}

interface Exchange extends Request {
  mostBytes: number;
  alsoStatus?: number | undefined;
  /** Makes the connection; until it has, nothing is sent. Default: as Node.js does. */
  connect?: ((signal: AbortSignal) => NonNullable<ClientRequestArgs["createConnection"]>) | undefined;
}

/** The body of an answer that isn't an error. */
async function exchange(wanted: Exchange): Promise<Buffer> {
  const { who, alsoStatus } = wanted;
  const { status, headers, body } = await send(wanted);
  const { location } = headers;
  if (status >= 300 && status < 400) throw stranger(who, `it redirects${location ? ` to ${short(location)}` : ""}`);
  if ((status >= 200 && status < 300) || status === alsoStatus) return body;
  const text = body.toString("utf8");
  if (isMarkup(text)) throw stranger(who, "HTML");
  throw new NoAnswer(`it says ${status} ${short(text)}`.trim(), { status });
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Any answer, refusals and redirects too. Fails only with NoAnswer, and with a UserError of `connect`. */
export async function send(wanted: Exchange): Promise<Answer> {
  const { who, timeoutMs, signal: outer, mostBytes } = wanted;
  const deadline = startDeadline(timeoutMs, outer);
  let response: IncomingMessage | undefined;
  try {
    response = await deadline.race(open(wanted, deadline.signal));
    const body = await deadline.race(readBody(who, response, mostBytes));
    return { status: response.statusCode ?? 0, headers: response.headers, body };
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof UserError) throw error;
    if (deadline.signal.aborted) throw new NoAnswer(outer?.aborted ? "interrupted" : tooSlow(timeoutMs, response));
    throw noAnswer(who, error, response);
  } finally {
    response?.destroy();
    deadline.end();
  }
}

/** A port that QEMU forwards takes two connections at a time; one that is dropped is tried again after a second. */
const forwarded = { "http:": new Agent({ maxSockets: 2 }), "https:": new SecureAgent({ maxSockets: 2 }) };

function agentFor(url: string): Agent | false {
  const { protocol, hostname } = new URL(url);
  return hostname === "127.0.0.1" && forwarded[protocol as keyof typeof forwarded];
}

/** One connection per request: a kept one may be closed just when it is used again. */
function open(wanted: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, body, ca, connect, method = body ? "PUT" : "GET" } = wanted;
  const headers = { ...wanted.headers, ...(body && { "content-length": body.length }) };
  // With an agent, Node.js would not ask for our connection.
  const connection = connect ? { createConnection: connect(signal) } : { agent: agentFor(url) };
  return new Promise((resolve, reject) => {
    const start = url.startsWith("https:") ? requestSecurely : request;
    start(url, { method, headers, signal, ca, ...connection }, resolve)
      .on("error", reject)
      .end(body);
  });
}

async function readBody(who: string, response: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.byteLength;
    if (bytes > mostBytes) throw stranger(who, `more than ${mostBytes >> 20} MiB`);
  }
  return Buffer.concat(parts);
}

const tooSlow = (ms: number, response: IncomingMessage | undefined) =>
  response ? `its answer isn't whole after ${ms / 1000} s` : `silent for ${ms / 1000} s`;

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "no route to its network",
  ETIMEDOUT: "no sign of life",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "its name can't be looked up",
  ECONNRESET: "it closes the connection",
  EPROTO: "it doesn't speak TLS",
};

/** By OpenSSL's codes. */
const distrust: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate isn't valid yet, by this computer's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another address",
  CERT_SIGNATURE_FAILURE: "its certificate is of another authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is of another authority",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is of another authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is of another authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is of another authority",
};

function noAnswer(who: string, error: unknown, response: IncomingMessage | undefined): NoAnswer {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (code.startsWith("HPE_")) return stranger(who, "it doesn't speak HTTP");
  if (response) return new NoAnswer("its answer breaks off");
  if (distrust[code]) return new NoAnswer(distrust[code], { isDistrusted: true, cause: error });
  return new NoAnswer(reasons[code] ?? short(message), { cause: error });
}

const stranger = (who: string, what: string) =>
  new NoAnswer(`what answers isn't ${who} (${what})`, { isStranger: true });

export const isMarkup = (text: string) => text.trimStart().startsWith("<");

function parse(who: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw stranger(who, isMarkup(text) ? "HTML" : text.trim() === "" ? "an empty answer" : "no JSON");
  }
}

/** The first line of untrusted text, without control characters that would move a terminal's cursor. */
export function short(text: string): string {
  const [line = ""] = text.trim().split(/[\r\n]/, 1);
  const clean = line.replace(/\p{C}/gu, "");
  return clean.length > 100 ? `${clean.slice(0, 100)}…` : clean;
}

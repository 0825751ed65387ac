import { get, type IncomingMessage } from "node:http";
import { get as getSecurely } from "node:https";
import type { z } from "zod";
import { startDeadline } from "./deadline.ts";

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

  constructor(reason: string, { isStranger = false, status }: { isStranger?: boolean; status?: number } = {}) {
    super(reason);
    this.isStranger = isStranger;
    this.status = status;
  }
}

export interface Question<T> {
  /** Who is asked, e.g. "Consul". */
  who: string;
  url: string;
  /** The shape of the answer; anything else is rejected. */
  schema: z.ZodType<T>;
  /** How long the complete answer may take. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Error statuses whose body is an answer nevertheless. */
  alsoStatus?: number;
}

const mostBytes = 8 << 20;

/** Asks for JSON and follows no redirect. Fails only with NoAnswer. */
export async function askJson<T>(question: Question<T>): Promise<T> {
  const { who, url, schema, timeoutMs, signal, alsoStatus } = question;
  const { status, location, text } = await read(question, timeoutMs, signal);
  if (status >= 300 && status < 400) throw stranger(who, `it redirects${location ? ` to ${short(location)}` : ""}`);
  const isAnswer = (status >= 200 && status < 300) || status === alsoStatus;
  if (!isAnswer && !isMarkup(text)) throw new NoAnswer(`it says ${status} ${short(text)}`.trim(), { status });
  const result = schema.safeParse(parse(who, text));
  if (result.success) return result.data;
  const place = result.error.issues[0]?.path.join(".");
  throw stranger(
    who,
    place ? `JSON without a right ${short(place)}` : `JSON, but not that of ${new URL(url).pathname}`,
  );
}

interface Answer {
  status: number;
  location: string | undefined;
  text: string;
}

async function read({ who, url }: Question<unknown>, timeoutMs: number, outer?: AbortSignal): Promise<Answer> {
  const deadline = startDeadline(timeoutMs, outer);
  let response: IncomingMessage | undefined;
  try {
    response = await deadline.race(open(url, deadline.signal));
    const text = await deadline.race(readBody(who, response));
    return { status: response.statusCode ?? 0, location: response.headers.location, text };
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    if (deadline.signal.aborted) throw new NoAnswer(outer?.aborted ? "interrupted" : tooSlow(timeoutMs, response));
    throw noAnswer(who, error, response);
  } finally {
    response?.destroy();
    deadline.end();
  }
}

/** One connection per request: a kept one may be closed just when it is used again. */
function open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? getSecurely : get;
    send(url, { signal, agent: false }, resolve).on("error", reject);
  });
}

async function readBody(who: string, response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.byteLength;
    if (bytes > mostBytes) throw stranger(who, `more than ${mostBytes >> 20} MiB`);
  }
  return Buffer.concat(parts).toString("utf8");
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
};

function noAnswer(who: string, error: unknown, response: IncomingMessage | undefined): NoAnswer {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (code.startsWith("HPE_")) return stranger(who, "it doesn't speak HTTP");
  if (response) return new NoAnswer("its answer breaks off");
  return new NoAnswer(reasons[code] ?? short(message));
}

const stranger = (who: string, what: string) =>
  new NoAnswer(`what answers isn't ${who} (${what})`, { isStranger: true });

const isMarkup = (text: string) => text.trimStart().startsWith("<");

function parse(who: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw stranger(who, isMarkup(text) ? "HTML" : text.trim() === "" ? "an empty answer" : "no JSON");
  }
}

/** The first line of untrusted text, without control characters that would move a terminal's cursor. */
function short(text: string): string {
  const [line = ""] = text.trim().split(/[\r\n]/, 1);
  const clean = line.replace(/\p{C}/gu, "");
  return clean.length > 100 ? `${clean.slice(0, 100)}…` : clean;
}

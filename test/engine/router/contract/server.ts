import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { run } from "../../../../lib/run.ts";

export interface Asked {
  method: string;
  /** As it was sent, with percent-encoding. */
  path: string;
  headers: IncomingMessage["headers"];
  /** Parsed if it was sent as JSON; else as it is. */
  body: unknown;
}

export interface Reply {
  status: number;
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
}

/** What goes wrong with one request: before it has any effect, or when it has had it. */
export const faults = ["reset before", "reset after", "error before", "error after", "truncated"] as const;
export type Fault = (typeof faults)[number] | "slow";

/** How it says nothing more to a request: before that has any effect, when it has had it, or in the middle of its answer. */
export const silences = ["before", "after", "halfway"] as const;
export type Silence = (typeof silences)[number];

/** How late a slow answer is: longer than any pause of a driver, shorter than its patience. */
const slowMs = 2500;

/** A router's web interface as it is documented or was watched: `answer` is its state machine. */
export interface ContractServer {
  url: string;
  /** SHA-256, of its self-signed certificate; "" without TLS. */
  fingerprint: string;
  /** Everything that was asked. */
  asked: Asked[];
  /** Lets the request with this number, counted from now and 0, go wrong. */
  failAt(number: number, fault: Fault): void;
  /** Takes the request with this number, counted in the same way, and says nothing more; `silent` is told. */
  fallSilentAt(number: number, silence: Silence, silent: () => void): void;
  /** The same for all from that one on, before they have any effect. */
  beSilentFrom(number: number, silent: () => void): void;
  /** Does that before it answers the request with this number, counted from now and 0. */
  beforeAnswer(number: number, act: () => unknown): void;
  /** Nothing of that goes wrong any more, nor what has not come to pass. */
  recover(): void;
  /** Accepts nobody's password, key or session any more; or does so again. */
  deny(isDenied: boolean): void;
  /** The next connection gets another certificate than those before, whose fingerprint is returned. */
  changeCertificate(): Promise<string>;
  /** How many connections there were. */
  connections(): number;
  /** Nobody is served from `after` ms on for `ms`, as when a program starts again. */
  beDown(after: number, ms: number): void;
  close(): Promise<void>;
}

interface Behaviour {
  /** HTTPS, with a certificate of its own. */
  isSecure?: boolean;
  /** The `content-type` of all that it is sent. */
  type?: string;
  /** What it says to a password that it does not accept. */
  denial?: () => Reply;
}

export async function startContractServer(
  answer: (asked: Asked) => Reply | Promise<Reply>,
  { isSecure = true, type = "application/json", denial = () => unauthorized }: Behaviour = {},
): Promise<ContractServer> {
  const certificate = isSecure ? await selfSigned() : undefined;
  let down = { from: 0, to: 0 };
  let failing: { at: number; fault: Fault } | undefined;
  let silence: { from: number; to: number; how: Silence; silent: () => void } | undefined;
  let awaiting: { at: number; act: () => unknown } | undefined;
  let isDenied = false;
  let connections = 0;
  const asked: Asked[] = [];

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const number = asked.length;
    const fault = failing?.at === number ? failing.fault : undefined;
    if (fault) failing = undefined;
    const quiet = silence && silence.from <= number && number <= silence.to ? silence : undefined;
    const given = await read(request, type);
    asked.push(given);
    if (awaiting?.at === number) {
      const { act } = awaiting;
      awaiting = undefined;
      await act();
    }
    if (fault === "reset before") return void request.socket.destroy();
    if (quiet?.how === "before") return quiet.silent();
    if (fault === "error before") return reply(response, brokenPage);
    const made = isDenied ? denial() : (wrongType(given, request, type) ?? (await answer(given)));
    if (fault === "slow") await setTimeout(slowMs);
    if (fault === "reset after") return void request.socket.destroy();
    if (fault === "error after") return reply(response, brokenPage);
    // A status that has no body is an answer.
    if (quiet?.how === "after" || (quiet && made.status === 204)) return quiet.silent();
    if (quiet) return begin(response, made).then(quiet.silent);
    reply(response, made, fault === "truncated");
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error) => {
      console.error(error);
      request.socket.destroy();
    });
  };
  const server = certificate ? createServer(certificate, listener) : createPlainServer(listener);
  server.on("connection", (socket) => {
    connections++;
    if (Date.now() >= down.from && Date.now() < down.to) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${isSecure ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fingerprint: certificate ? new X509Certificate(certificate.cert).fingerprint256 : "",
    asked,
    failAt(number, fault) {
      failing = { at: asked.length + number, fault };
    },
    fallSilentAt(number, how, silent) {
      const at = asked.length + number;
      silence = { from: at, to: at, how, silent };
    },
    beSilentFrom(number, silent) {
      silence = { from: asked.length + number, to: Number.POSITIVE_INFINITY, how: "before", silent };
    },
    recover() {
      failing = silence = awaiting = undefined;
    },
    beforeAnswer(number, act) {
      awaiting = { at: asked.length + number, act };
    },
    deny(wanted) {
      isDenied = wanted;
    },
    async changeCertificate() {
      otherOne ??= makeCertificate();
      const other = await otherOne;
      if (server instanceof SecureServer) server.setSecureContext(other);
      return new X509Certificate(other.cert).fingerprint256;
    },
    connections: () => connections,
    beDown(after, ms) {
      down = { from: Date.now() + after, to: Date.now() + after + ms };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const unauthorized: Reply = { status: 401, json: { message: "Unauthorized" } };
const brokenPage: Reply = { status: 502, text: "<html><body><h1>502 Bad Gateway</h1></body></html>" };

async function read(request: IncomingMessage, type: string): Promise<Asked> {
  const { method = "", url = "", headers } = request;
  const body = await text(request);
  const isJson = type === "application/json";
  return { method, path: url, headers, body: body === "" ? undefined : isJson ? JSON.parse(body) : body };
}

function wrongType({ body }: Asked, { headers }: IncomingMessage, type: string): Reply | undefined {
  const isRight = body === undefined || headers["content-type"] === type;
  return isRight ? undefined : { status: 415, text: `only content-type ${type} is allowed` };
}

function reply(response: ServerResponse, { status, json, text: plain, headers }: Reply, isTruncated = false): void {
  const body = json === undefined ? (plain ?? "") : JSON.stringify(json);
  response.writeHead(status, { ...(json !== undefined && { "content-type": "application/json" }), ...headers });
  response.end(isTruncated ? body.slice(0, body.length / 2) : body);
}

/** Sends the head and half of the body, and waits until they have arrived, as a rule. */
async function begin(response: ServerResponse, { status, json, text: plain, headers }: Reply): Promise<void> {
  const body = Buffer.from(json === undefined ? (plain ?? "") : JSON.stringify(json));
  response.writeHead(status, { ...headers, "content-length": body.length + 1 });
  response.flushHeaders();
  response.write(body.subarray(0, body.length >> 1));
  await setTimeout(50);
}

let certificateOfAll: Promise<{ key: string; cert: string }> | undefined;
let otherOne: Promise<{ key: string; cert: string }> | undefined;

function selfSigned(): Promise<{ key: string; cert: string }> {
  certificateOfAll ??= makeCertificate();
  return certificateOfAll;
}

/** A key and a certificate that nobody vouches for, new each time. */
export async function makeCertificate(): Promise<{ key: string; cert: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-certificate-"));
  try {
    const [key, cert] = [path.join(dir, "key"), path.join(dir, "cert")];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    await run("openssl", ["req", ...kind, "-subj", "/CN=router.test", "-keyout", key, "-out", cert]);
    return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Knocks at ports as a machine in the home network: questions in JSON on standard input, answers in JSON on standard output. */

import net from "node:net";
import { text } from "node:stream/consumers";
import tls from "node:tls";
import { type Answer, NoAnswer, send } from "../../../lib/http.ts";

export interface Knock {
  ip: string;
  port: number;
  /** Missing: without TLS. The PEMs of the authority to trust and of an own certificate. */
  tls?: { ca?: string; cert?: string; key?: string; servername?: string };
  /** An HTTP request; missing: bytes in hex, of which one answer is read. */
  http?: { method?: string; path: string; headers?: Record<string, string>; body?: string };
  bytes?: string;
  /** Hex that goes before TLS. */
  before?: string;
}

/** What comes back, such as "200 {}", or why nothing does. */
export async function knock({ ip, port, tls: secure, http, bytes = "", before = "" }: Knock): Promise<string> {
  if (!http) return raw({ ip, port, bytes, before, ...(secure && { secure }) });
  const { method = "GET", path, headers = {}, body } = http;
  const url = `${secure ? "https" : "http"}://${ip}:${port}${path}`;
  const request = { who: "it", url, method, headers, ca: secure?.ca, timeoutMs: 10_000, mostBytes: 1 << 24 };
  try {
    const answer: Answer = await send({ ...request, body: body === undefined ? undefined : Buffer.from(body) });
    return `${answer.status} ${answer.body.toString("utf8").trim()}`;
  } catch (error) {
    if (error instanceof NoAnswer) return error.message;
    throw error;
  }
}

type Raw = Required<Pick<Knock, "ip" | "port" | "bytes" | "before">> & { secure?: NonNullable<Knock["tls"]> };

function raw({ ip, port, bytes, before, secure }: Raw): Promise<string> {
  return new Promise((resolve) => {
    const plain = net.connect({ host: ip, port }, () => {
      plain.write(Buffer.from(before, "hex"));
      const socket = secure ? tls.connect({ socket: plain, ...secure }) : plain;
      if (secure) listen(socket);
      socket.write(Buffer.from(bytes, "hex"));
    });
    listen(plain);
    function listen(socket: net.Socket): void {
      socket.setTimeout(5000, () => resolve("silent"));
      if (socket !== plain || !secure) socket.on("data", (data) => resolve(`answers ${data.length} bytes`));
      socket.on("error", ({ message, code }: NodeJS.ErrnoException) => resolve(code ?? message));
      socket.on("close", () => resolve("closed"));
    }
  });
}

if (process.argv[1] === import.meta.filename) {
  const knocks = JSON.parse(await text(process.stdin)) as Knock[];
  process.stdout.write(JSON.stringify(await Promise.all(knocks.map(knock))));
  process.exit();
}

import type { Socket } from "node:net";
import type { Random } from "../random.ts";
import { mutate } from "../unit/cluster/mutate.ts";
import { agent, type Manner, say, withoutQuery } from "../unit/cluster/stranger.ts";

/** A hundred times what an answer may have, without end when the other side takes it. */
const floodBytes = 100 << 20;

/** Right answers by path, as a well agent gives them. */
type Answers = Readonly<Record<string, unknown>>;

/** How a broken agent answers: its name says what is wrong, and `manner` does it. */
export interface BrokenManner {
  name: string;
  manner: Manner;
}

/** One way to answer wrongly, either to every question or to one of them. */
export function brokenManner(right: Answers, random: Random): BrokenManner {
  const { name, manner } = random.pick(kinds)(right, random);
  if (random.number() < 0.5) return { name, manner };
  const asked = random.pick(Object.keys(right));
  const well = agent(right);
  return {
    name: `${name} to ${asked}`,
    manner: (socket, path) => (path.startsWith(asked) ? manner : well)(socket, path),
  };
}

type Kind = (right: Answers, random: Random) => BrokenManner;

const kinds: readonly Kind[] = [
  () => ({ name: "silence", manner: () => {} }),
  () => ({ name: "hang-up", manner: (socket) => void socket.destroy() }),
  cut,
  other,
  mutated,
  flood,
  redirect,
  refusal,
  rubbish,
  wrongFrame,
  trickle,
];

function cut(right: Answers, { number }: Random): BrokenManner {
  const share = number();
  const manner: Manner = (socket, path) => {
    const text = JSON.stringify(right[withoutQuery(path)] ?? null);
    const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    socket.write(whole.slice(0, Math.floor(share * whole.length)), () => socket.destroy());
  };
  return { name: `cut after ${Math.floor(share * 100)} %`, manner };
}

const otherAnswers = [
  "null",
  "[]",
  "{}",
  "0",
  '""',
  '"x"',
  "[{}]",
  '{"a":[]}',
  "[null]",
  '{"Config":{},"config":{}}',
  "",
  "hello",
];

function other(_right: Answers, { pick }: Random): BrokenManner {
  const text = pick(otherAnswers);
  return { name: `other JSON ${text}`, manner: say(text) };
}

/** The same spoilt text for every question whose right answer it was made of. */
function mutated(right: Answers, random: Random): BrokenManner {
  const spoilt = Object.fromEntries(
    Object.entries(right).map(([path, answer]) => [path, mutate(JSON.stringify(answer), random)]),
  );
  return { name: "spoilt JSON", manner: (socket, path) => say(spoilt[withoutQuery(path)] ?? "null")(socket, path) };
}

function flood(_right: Answers, { pick }: Random): BrokenManner {
  const piece = Buffer.alloc(1 << 16, pick(["[", "x", " ", '"', "0", "\n"]));
  const head = pick([`Content-Length: ${floodBytes}\r\n`, ""]);
  const manner: Manner = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
    pour(socket, piece);
  };
  return { name: `100 MiB of ${JSON.stringify(piece.toString("latin1", 0, 1))}`, manner };
}

/** Writes 100 MiB as fast as the other side takes them, and ends. */
export function pour(socket: Pick<Socket, "write" | "end" | "writable">, piece: Buffer): void {
  let left = floodBytes / piece.length;
  const more = () => {
    if (!socket.writable) return;
    if (left-- > 0) socket.write(piece, more);
    else socket.end();
  };
  more();
}

function redirect(_right: Answers, { pick }: Random): BrokenManner {
  const status = pick(["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Moved"]);
  const to = pick([
    "/",
    "/v1/status/leader",
    "http://127.0.0.1:1/login",
    "//",
    "file:///etc/passwd",
    "",
    "http://[",
    "é\u0007",
  ]);
  return { name: `${status} to ${to}`, manner: say("", status, [`Location: ${to}`]) };
}

function refusal(_right: Answers, { pick }: Random): BrokenManner {
  const status = pick([
    "400 Bad Request",
    "401 No",
    "403 Forbidden",
    "404 Not Found",
    "429 Too Many",
    "500 Error",
    "503 Busy",
    "999 ?",
  ]);
  const body = pick([
    "",
    "No cluster leader",
    "<!DOCTYPE html><p>no",
    "\u001b[2Jgone",
    "{}",
    "x".repeat(100_000),
    '{"error":{}}',
  ]);
  return { name: `${status} with ${JSON.stringify(body.slice(0, 20))}`, manner: say(body, status) };
}

function rubbish(_right: Answers, { below }: Random): BrokenManner {
  const bytes = Buffer.from(Array.from({ length: 1 + below(300) }, () => below(256)));
  return { name: `${bytes.length} bytes of rubbish`, manner: (socket) => void socket.end(bytes) };
}

function wrongFrame(_right: Answers, { pick }: Random): BrokenManner {
  const head = pick([
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: 2\r\nContent-Length: 3",
    "Transfer-Encoding: chunked",
    "Content-Encoding: gzip",
    "Content-Type: text/html; charset=utf-16",
    `X: ${"x".repeat(100_000)}`,
  ]);
  return {
    name: `answer under ${head.slice(0, 40)}`,
    manner: (socket) => void socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n{"Servers":[]}`),
  };
}

function trickle(_right: Answers, { pick }: Random): BrokenManner {
  const drop = pick([" ", "[", "HTTP/1.1 100 Continue\r\n\r\n"]);
  const manner: Manner = (socket) => {
    if (!drop.startsWith("HTTP")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    const timer = setInterval(() => socket.write(drop), 200);
    socket.on("close", () => clearInterval(timer));
  };
  return { name: `a trickle of ${JSON.stringify(drop)}`, manner };
}

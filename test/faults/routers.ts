import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../lib/paths.ts";
import { quoteCommand } from "../../lib/shell.ts";
import { end, startSshd, whyNoSshd } from "../engine/sshd.ts";
import type { Random } from "../random.ts";
import { pour } from "./manners.ts";
import { inTurn, type Row, type Trial } from "./part.ts";
import { machineryIn } from "./words.ts";

const atOnce = 6;
/** A session with the router may take a minute. */
const patienceMs = 90_000;

/** The router's step, on routers that don't speak SSH, and on those whose shell is broken. */
export async function faultRouters({ random, signal, say }: Trial, times: number): Promise<Row> {
  const why = await whyNoSshd();
  if (why) throw new Error(why);
  const attempts = Array.from({ length: times }, (_, index) => {
    const seed = random.below(2 ** 32);
    return { index, seed, stranger: index % 2 === 0 ? strangerAt(random) : undefined };
  });
  const faults: string[] = [];
  await inTurn(attempts, atOnce, async ({ index, seed, stranger }) => {
    signal.throwIfAborted();
    const problem = stranger ? await meetStranger(stranger.manner) : await meetShell(seed);
    if (problem) faults.push(`${stranger?.name ?? `broken-shell.ts ${seed}`}: ${problem}`);
    if (problem || index % 10 === 9) say(problem ? String(faults.at(-1)) : `${index} routers`);
  });
  return { what: "broken routers met by the step for reservations", times, faults };
}

interface Stranger {
  name: string;
  manner(socket: Socket): void;
}

/** Something that isn't an SSH server, or stops being one after its first line. */
function strangerAt({ pick, below }: Random): Stranger {
  const greeting = pick([
    "",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "SSH-1.5-x\r\n",
    "hello\r\n",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
  ]);
  const bytes = Buffer.from(Array.from({ length: 1 + below(300) }, () => below(256)));
  const then: Readonly<Record<string, (socket: Socket) => void>> = {
    silence: () => {},
    "hang-up": (socket) => socket.destroy(),
    end: (socket) => void socket.end(),
    rubbish: (socket) => void socket.end(bytes),
    "rubbish and silence": (socket) => void socket.write(bytes),
    "100 MiB": (socket) => pour(socket, Buffer.alloc(1 << 16, "x")),
    "100 MiB of lines": (socket) => pour(socket, Buffer.from("line\r\n".repeat(10_000))),
  };
  const name = pick(Object.keys(then));
  return {
    name: `${JSON.stringify(greeting)}, then ${name}`,
    manner: (socket) => void socket.write(greeting, () => then[name]?.(socket)),
  };
}

async function meetStranger(manner: (socket: Socket) => void): Promise<string | undefined> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    manner(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await problemOf({ port: (server.address() as AddressInfo).port, hostKey: `ssh-ed25519 ${"A".repeat(68)}` });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}

async function meetShell(seed: number): Promise<string | undefined> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-faults-sshd-"));
  const program = quoteCommand(process.execPath, ["--import", "tsx", "test/faults/broken-shell.ts", String(seed)]);
  const { sshd, login } = await startSshd(dir, [`ForceCommand cd ${projectDir} && exec ${program}`]);
  try {
    return await problemOf({ ...login, user: userInfo().username });
  } finally {
    await end(sshd);
    await rm(dir, { recursive: true });
  }
}

/** What is wrong with how the step ends, which must fail on all of them. */
async function problemOf(login: object): Promise<string | undefined> {
  const input = {
    owner: "home",
    router: { kind: "dnsmasq", host: "127.0.0.1", hostsDir: "/etc/piinit", ...login },
    reservations: [{ name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" }],
  };
  const program = ["--import", "tsx", path.join("steps", "router", "main.ts"), "apply"];
  const tmp = await mkdtemp(path.join(tmpdir(), "piinit-faults-"));
  const options = { cwd: projectDir, env: { TMPDIR: tmp }, reject: false, timeout: patienceMs } as const;
  const { stderr, exitCode, timedOut } = await execa("node", program, { ...options, input: JSON.stringify(input) });
  const left = (await readdir(tmp)).filter((name) => !name.startsWith("tsx-")); // The cache of compiled modules.
  await rm(tmp, { recursive: true });
  if (left.length > 0) return `it leaves ${left.join(", ")}: ${stderr.slice(-300)}`;
  if (timedOut) return "no end";
  if (exitCode !== 1) return `exit code ${exitCode}: ${stderr.slice(-300)}`;
  return machineryIn(stderr) ?? (stderr.trim() ? undefined : "not a word");
}

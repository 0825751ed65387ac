import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** What goes wrong with one script of a session. */
export type SshFault =
  /** The connection breaks before the script has come, when half of it has, as it runs, or before its answer has gone. */
  | "cut before"
  | "cut as it arrives"
  | "cut as it runs"
  | "cut after"
  /** It breaks in the middle of the answer. */
  | "truncated"
  /** The router fails before or after it has carried the script out. */
  | "failure before"
  | "failure after"
  /** What the script prints is something else. */
  | "rubbish"
  | "slow"
  /** The router says nothing any more, and the connection stays. */
  | "silent";

/**
 * Any script, which is one that looks when a run begins; one that changes something; or the one after that. They aren't
 * counted, because how many look depends on what else runs on the computer.
 */
export type Place = "look" | "change" | "next";

/** How late a slow answer is. */
const slowMs = 2500;

/** Stands between sshd and a router's shell, and knows the frames in which `remote-shell.ts` sends scripts. */
export interface Relay {
  /** What sshd is to run for a session, so that it gets this shell. */
  commandFor(shell: readonly string[]): string;
  /** Lets this script, the first from now on, go wrong. */
  failAt(place: Place, fault: SshFault): void;
  /** Does that before it passes the next script on that changes something. */
  beforeChange(act: () => Promise<unknown>): void;
  /** Forgets what hasn't happened yet. */
  disarm(): void;
  /** The connection of all sessions breaks, and other SSH servers than OpenSSH's hang up on their programs then. */
  cut(): void;
  /** Kills all that the sessions have started, as when the router loses its power. */
  powerOff(): void;
  /** Waits until all that the sessions have started has ended. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** What happens to the next script of a kind. */
interface Armed {
  place: Place;
  fault?: SshFault;
  act?: () => Promise<unknown>;
  /** The script before it has come. */
  isNext?: boolean;
}

interface Session {
  socket: Socket;
  /** The process of sshd that has the connection. */
  sshd: number;
  shell: ChildProcess;
}

/** `change` is found in the scripts that change something. */
export async function startRelay(change: RegExp): Promise<Relay> {
  const sessions = new Set<Session>();
  let shell: readonly string[] = [];
  let armed: Armed | undefined;

  /** What is to happen to a script. */
  const takeArmed = (script: string): Partial<Armed> => {
    if (!armed) return {};
    const now = armed;
    const isChange = change.test(script);
    if (now.place === "look" || (now.place === "change" && isChange) || now.isNext) armed = undefined;
    else now.isNext = now.place === "next" && isChange;
    return armed ? {} : now;
  };
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    // A cut connection ends early.
    serve(socket).catch((error) => error.code === "ERR_STREAM_PREMATURE_CLOSE" || console.error(error));
  });
  /** Forgets a session with its last process, because somebody else's may have the number after that. */
  const follow = (session: Session) => {
    sessions.add(session);
    session.shell.once("exit", async () => {
      while (isRunning(group(session))) await new Promise((resolve) => setTimeout(resolve, 10));
      sessions.delete(session);
    });
  };
  const serve = async (socket: Socket) => {
    let text = "";
    let session: Session | undefined;
    for await (const part of socket) {
      text += part;
      if (!session) {
        const end = text.indexOf("\n");
        if (end < 0) continue;
        session = start(socket, Number(text.slice(0, end)), shell);
        follow(session);
        text = text.slice(end + 1);
      }
      for (let end = endOfFrame(text); end > 0; end = endOfFrame(text)) {
        const frame = text.slice(0, end);
        text = text.slice(end);
        const { fault, act } = takeArmed(frame);
        await act?.();
        await carryOut(session, frame, fault);
      }
    }
    session?.shell.stdin?.end();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    commandFor(wanted) {
      shell = wanted;
      return `{ echo $PPID; exec cat; } | busybox nc 127.0.0.1 ${port}`;
    },
    failAt(place, fault) {
      armed = { place, fault };
    },
    beforeChange(act) {
      armed = { place: "change", act };
    },
    disarm() {
      armed = undefined;
    },
    cut: () => sessions.forEach(cut),
    powerOff() {
      for (const session of sessions) {
        signal(group(session), "SIGKILL");
        cut(session);
      }
    },
    async settled() {
      while (sessions.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async close() {
      for (const session of sessions) cut(session);
      server.close();
      await once(server, "close");
    },
  };
}

function start(socket: Socket, sshd: number, [program = "", ...args]: readonly string[]): Session {
  const shell = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"], detached: true });
  for (const stream of [shell.stdin, shell.stdout]) stream?.on("error", () => undefined);
  return { socket, sshd, shell };
}

/** What is printed around each part of a frame's answer; "" if the text does not begin with a frame. */
const markOf = (text: string): string => /^printf '%s\\n' (\S+)\n/.exec(text)?.[1] ?? "";

/** Where the first frame in a text ends; 0 if it isn't whole. */
function endOfFrame(text: string): number {
  const mark = markOf(text);
  if (!mark) return 0;
  const last = `" ${mark}\n`;
  return text.indexOf(last) < 0 ? 0 : text.indexOf(last) + last.length;
}

async function carryOut(session: Session, frame: string, fault: SshFault | undefined): Promise<void> {
  const { socket, shell, sshd } = session;
  const mark = markOf(frame);
  if (fault === "cut before") return cut(session);
  if (fault === "silent") return void signal(sshd, "SIGSTOP");
  if (fault === "failure before") return void socket.write(`${mark}\n\n${mark} 1\n${failure}\n${mark}\n`);
  if (fault === "cut as it arrives") {
    shell.stdin?.write(frame.slice(0, frame.length >> 1), () => cut(session));
    return;
  }
  shell.stdin?.write(frame);
  if (fault === "cut as it runs") return cut(session);
  const answer = await answerOf(shell, mark);
  if (fault === "cut after") return cut(session);
  if (fault === "slow") await new Promise((resolve) => setTimeout(resolve, slowMs));
  if (fault === "truncated") return void socket.write(answer.slice(0, answer.length >> 1), () => cut(session));
  const [, status = "", errors = ""] = new RegExp(`\n${mark} (\\d+)\n([^]*)${mark}\n$`).exec(answer) ?? [];
  if (fault === "failure after") socket.write(`${mark}\n\n${mark} 1\n${failure}\n${mark}\n`);
  else if (fault === "rubbish") socket.write(`${mark}\n${rubbish}\n${mark} ${status}\n${errors}${mark}\n`);
  else socket.write(answer);
}

const failure = "sh: can't fork: Out of memory";
const rubbish = "\u001b[2J\u0007\u00ff{]\nlogin: \n| = F \nD\nBusyBox v1.36.1 built-in shell (ash)\n";

/** Everything that the shell prints up to the end of a frame. */
async function answerOf({ stdout }: ChildProcess, mark: string): Promise<string> {
  let text = "";
  const isWhole = () => text.endsWith(`\n${mark}\n`) && text.includes(`\n${mark} `);
  await new Promise<void>((resolve) => {
    const take = (part: Buffer) => {
      text += part;
      if (isWhole()) finish();
    };
    const finish = () => {
      stdout?.off("data", take).off("close", finish);
      resolve();
    };
    stdout?.on("data", take).once("close", finish);
  });
  return text;
}

function cut(session: Session): void {
  const { sshd, socket, shell } = session;
  // Its process is there as long as its program has the connection to us.
  if (!socket.destroyed) signal(sshd, "SIGKILL");
  socket.destroy();
  shell.stdin?.destroy();
  shell.stdout?.destroy();
  signal(group(session), "SIGHUP");
}

/** The group of processes of a session's shell, as a number for `kill`. */
const group = ({ shell }: Session): number => -(shell.pid ?? 0);

function isRunning(pid: number): boolean {
  return signal(pid, 0);
}

/** To a process or, below zero, a group of processes; answers whether there is one. */
function signal(pid: number, what: NodeJS.Signals | 0): boolean {
  try {
    return pid !== 0 && process.kill(pid, what);
  } catch {
    return false;
  }
}

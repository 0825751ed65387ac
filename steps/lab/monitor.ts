import { open } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { linesOf } from "../../lib/lines.ts";
import { fileName, fileOf } from "./folder.ts";

/** A session with a machine's QEMU over QMP. */
export interface Monitor {
  /** Fails with a MonitorError if QEMU refuses. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Runs a command of QEMU's human monitor and returns its output. */
  console(command: string): Promise<string>;
}

/** A refusal by QEMU, with its error class, such as "DeviceNotFound". */
export class MonitorError extends Error {
  override name = "MonitorError";
  readonly kind: string;

  constructor(command: string, { class: kind, desc }: { class: string; desc: string }) {
    super(`QEMU refused ${command}: ${desc}`);
    this.kind = kind;
  }
}

/** QEMU serves one client at a time; another one waits up to this long. */
const patienceMs = 15_000;

/** Opens the machine's monitor for the work and closes it again. Fails when QEMU does not run or does not answer. */
export async function withMonitor<T>(
  dir: string,
  name: string,
  work: (monitor: Monitor) => Promise<T>,
  timeoutMs = patienceMs,
): Promise<T> {
  const socket = await connectTo(dir, fileName(name, "monitor"));
  const timer = setTimeout(() => socket.destroy(new Error("no answer")), timeoutMs);
  const answers = messages(socket);
  const monitor = talk(socket, answers);
  try {
    await answers.next(); // The greeting.
    await monitor.execute("qmp_capabilities");
    return await work(monitor);
  } catch (error) {
    throw error instanceof Closed ? hungUp(dir, name, socket.errored ?? error) : error;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function hungUp(dir: string, name: string, { message }: Error): UserError {
  return new UserError(
    `QEMU of ${name} ended while it was talked to (${message}); what it said is in ${fileOf(dir, name, "log")}. ` +
      `Start it again: ./piinit lab start ${name}`,
  );
}

/**
 * Connects to a Unix socket in the lab's folder, even if its path is longer than the 107 bytes that a socket allows.
 */
export async function connectTo(dir: string, file: string): Promise<Socket> {
  const folder = await open(dir);
  try {
    const socket = createConnection(`/proc/self/fd/${folder.fd}/${file}`);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return socket;
  } finally {
    await folder.close();
  }
}

const messageSchema = z.object({
  return: z.unknown().optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
  event: z.string().optional(),
});
type Message = z.infer<typeof messageSchema>;

/** Parses one line of QMP; anything else means a broken connection. */
function parseMessage(line: string): Message {
  try {
    return messageSchema.parse(JSON.parse(line));
  } catch {
    throw new UserError(`QEMU's monitor says what is no QMP: ${line.slice(0, 100)}`);
  }
}

class Closed extends Error {}

async function* messages(socket: Socket): AsyncGenerator<Message, undefined> {
  // Without its own listener, an error of the socket would end the program instead of the loop.
  socket.on("error", () => {});
  try {
    for await (const line of linesOf(socket)) {
      const message = parseMessage(line);
      if (!message.event) yield message;
    }
  } catch (error) {
    if (!socket.errored && error instanceof UserError) throw error;
  }
  throw new Closed("it has closed its monitor");
}

function talk(socket: Socket, answers: AsyncGenerator<Message, undefined>): Monitor {
  const execute: Monitor["execute"] = async (command, args = {}) => {
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const { value } = await answers.next();
    if (value?.error) throw new MonitorError(command, value.error);
    return value?.return;
  };
  return {
    execute,
    async console(command) {
      return String(await execute("human-monitor-command", { "command-line": command })).trim();
    },
  };
}

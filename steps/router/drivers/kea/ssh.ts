import { dirname } from "node:path/posix";
import { UserError } from "../../../../lib/errors.ts";
import { quote } from "../../../../lib/shell.ts";
import type { Login } from "../../../../lib/ssh.ts";
import { type Shell, withShell } from "../../base/remote-shell.ts";
import { type Answer, answer, type Channel, type Channels, type Command, noAnswerOfKea } from "./channel.ts";

export interface SshSettings extends Login {
  /** The path of Kea's control socket on the router. */
  socket?: string | undefined;
}

export const titleOverSsh = ({ host }: SshSettings): string => `Kea on ${host}`;

/** Where Debian's Kea and that of its makers have it; there, /var/run is /run. */
export const usualSocket = "/run/kea/kea4-ctrl-socket";

/** Logs in once, and lets `work` talk to Kea's UNIX socket there; its change goes on after ^C. */
export async function withSocket<T>(
  settings: SshSettings,
  signal: AbortSignal,
  work: (channels: Channels) => Promise<T>,
): Promise<T> {
  const { socket = usualSocket, user = "root", ...login } = settings;
  const ending = new AbortController();
  const end = () => ending.abort();
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await withShell({ ...login, user }, ending.signal, (shell) => {
      const look = open(titleOverSsh(settings), socket, shell);
      const ask: Channel["ask"] = (commands) => {
        signal.removeEventListener("abort", end);
        return look.ask(commands);
      };
      return work({ look, act: { ...look, ask } });
    });
  } finally {
    signal.removeEventListener("abort", end);
  }
}

function open(title: string, socket: string, shell: Shell): Channel {
  return {
    title,
    async ask(commands) {
      const text = (await shell.run(scriptFor(socket, commands))).join("\n");
      const parts = text.split(`\n${endMark}\n`);
      const rest = parts.pop() ?? "";
      if (parts.length === 0 || rest.trim() !== "") throw noAnswerOfKea(title, commands[parts.length]?.command);
      return parts.map((part, index) => parsed(title, commands[index], part));
    },
  };
}

function parsed(title: string, command: Command | undefined, text: string): Answer {
  const value = readOrNothing(text);
  const { data } = answer.safeParse(value);
  if (data) return data;
  const isCutOff = value === undefined && /^\s*(?:\{|$)/.test(text);
  if (isCutOff) throw new UserError(`${title} gives no whole answer to ${command?.command} within ${patienceS} s`);
  throw noAnswerOfKea(title, command?.command);
}

function readOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const endMark = "-- piinit --";
const patienceS = 20;

/**
 * Sends each command on a connection of its own, as Kea wants it, and goes on when our own connection breaks. Two such
 * scripts wait for each other by a lock on the socket's folder, which leaves nothing there.
 */
export function scriptFor(socket: string, commands: readonly Command[]): string {
  return [
    "trap '' HUP INT PIPE TERM",
    `socket=${quote(socket)}`,
    `[ -S "$socket" ] || { echo "there is no socket $socket that $(id -un) can see: set router.socket to the path of the unix socket in Kea's control-socket" >&2; exit 1; }`,
    `folder=${quote(dirname(socket))}`,
    `if [ -r "$folder" ] && command -v flock >/dev/null; then exec 9<"$folder"; flock 9; fi`,
    ...eachWith,
    "if command -v socat >/dev/null; then",
    `  talk() { each socat -T ${patienceS} -,ignoreeof "UNIX-CONNECT:$socket"; }`,
    "elif nc -h 2>&1 | grep -q -e -U; then",
    `  talk() { each nc -w ${patienceS} -U "$socket"; }`,
    "elif command -v python3 >/dev/null; then",
    `  talk() { python3 -c ${quote(python)} "$socket"; }`,
    "else",
    `  echo "nothing there can talk to Kea's control socket: install socat, netcat-openbsd or python3" >&2`,
    "  exit 1",
    "fi",
    `printf '%s\\n' ${commands.flatMap(linesFor).map(quote).join(" ")} | talk`,
  ].join("\n");
}

/** What the programs read of a command: itself, and what its answer must have. */
const linesFor = ({ expects = "", ...command }: Command): string[] => [JSON.stringify(command), expects];

/** Like the program below, with a program that passes on what it reads. */
const eachWith = [
  "each() {",
  "  while IFS= read -r command && IFS= read -r expected; do",
  `    answer=$(printf '%s' "$command" | "$@") || return 1`,
  `    printf '%s\\n%s\\n' "$answer" '${endMark}'`,
  `    case $answer in *'"result": 0'* | *'"result": 3'*) ;; *) return 0 ;; esac`,
  `    case $answer in *"$expected"*) ;; *) return 0 ;; esac`,
  "  done",
  "}",
];

/** Writes at the end, because nobody may read it any more. */
const python = `
import socket, sys
answers = []
try:
    for command in sys.stdin:
        expected = next(sys.stdin).strip()
        kea = socket.socket(socket.AF_UNIX)
        kea.settimeout(${patienceS})
        kea.connect(sys.argv[1])
        kea.sendall(command.encode())
        parts = []
        try:
            for part in iter(lambda: kea.recv(65536), b""):
                parts.append(part)
        except socket.timeout:
            pass
        answer = b"".join(parts).decode(errors="replace")
        answers.append(answer + "\\n${endMark}\\n")
        if not ('"result": 0' in answer or '"result": 3' in answer) or expected not in answer:
            break
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
sys.stdout.write("".join(answers))
`.trim();

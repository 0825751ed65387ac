import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { whyNoDebianRoot } from "../../debian-root.ts";
import { freePort } from "../../ports.ts";
import { end } from "../../sshd.ts";
import { askForLease, layCable, networkOf, ownNetwork } from "../cable.ts";
import { whyNoHome } from "../home.ts";
import type { Relay } from "../relay.ts";
import { startLogin } from "./login.ts";
import { type Generation, hooksOf, keaRoot } from "./program.ts";

/** A home router with a real Kea in a network of its own, whose HTTP socket is reached at a port of this machine. */
export interface KeaHome {
  url: string;
  /** Settings with which Kea is reached by its UNIX socket, over a real sshd on 127.0.0.1. */
  ssh: { host: string; user: string; port: number; hostKey: string; keyFile: string; socket: string };
  /** How often somebody has logged in there. */
  logins(): number;
  /** Where their programs are. */
  bin: string;
  /** Of the programs that can talk to a UNIX socket, those who log in have only these. */
  leaveOnly(...wanted: readonly string[]): Promise<void>;
  /** A control socket for Kea's configuration that speaks HTTPS. */
  secureSocket(certificate: { key: string; cert: string }): Promise<object>;
  configFile: string;
  /** Kea's file, as Kea wrote it last. */
  file(): Promise<string>;
  /** Writes Kea's file with these reservations, and starts Kea anew with it and without leases. */
  restart(reservations: readonly object[], change?: object): Promise<void>;
  /** Starts Kea anew with its file as it is. */
  powerCycle(): Promise<void>;
  /** To Kea's process, such as SIGSTOP, which lets it say nothing more until SIGCONT. */
  signal(what: NodeJS.Signals): void;
  /** Sends a command as an administrator would. */
  order(command: string, given?: object): Promise<{ result: number; text?: string; arguments?: unknown }>;
  log(): Promise<string>;
  askForLease(mac: string): Promise<{ ip: string; hostname: string }>;
  close(): Promise<void>;
}

export const login = { user: "admin", password: "correct horse" };

export interface Flavour {
  title: string;
  /** Kea 2 is reached through its control agent. */
  generation: Generation;
  hooks: readonly string[];
}

export const flavours: readonly [Flavour, ...Flavour[]] = [
  { title: "Kea 3 with host_cmds", generation: 3, hooks: ["lease_cmds", "host_cmds"] },
  { title: "Kea 3 without host_cmds", generation: 3, hooks: ["lease_cmds"] },
  { title: "Kea 2 and its control agent", generation: 2, hooks: ["lease_cmds"] },
];

/** A router for the tests of a suite, or why they are left out. */
export async function startKeaOrSkip(context: Mocha.Context, flavour: Flavour, relay?: Relay): Promise<KeaHome> {
  const why = (await whyNoHome()) ?? (await whyNoDebianRoot());
  if (why) {
    console.log(`      left out: ${why}`);
    context.skip();
  }
  return startKea(flavour, relay);
}

/** The sessions of those who log in pass the relay, if there is one. */
export async function startKea({ generation, hooks: names }: Flavour, relay?: Relay): Promise<KeaHome> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-kea-"));
  await chmod(dir, 0o755);
  for (const folder of ["sockets", "data"]) await mkdir(path.join(dir, folder), { mode: 0o750 });
  const root = await keaRoot(generation);
  const { start: command } = root;
  const hooks = hooksOf(root);
  const libraries = names.map((name) => ({ library: path.join(hooks, `libdhcp_${name}.so`) }));
  const configFile = path.join(dir, "kea.json");
  const agentFile = path.join(dir, "agent.json");
  await writeFile(agentFile, JSON.stringify(agentConfiguration(dir)));
  let running: ChildProcess | undefined;
  const agents: ChildProcess[] = [];
  const stop = async () => {
    for (const one of [...agents.splice(0), ...(running ? [running] : [])]) await end(one);
    running = undefined;
  };
  const start = async () => {
    await stop();
    const inOwn = ["unshare", ...ownNetwork(), "sh", "-c", `${layCable.join("\n")}\nexec "$@"`, "sh"];
    const server = [...command("usr/sbin/kea-dhcp4"), "-c", configFile];
    running = await startProgram(dir, [...inOwn, ...server], /DHCP4_STARTED/, hooks);
    if (generation !== 2) return;
    const agent = ["nsenter", ...networkOf(running.pid ?? 0), ...command("usr/sbin/kea-ctrl-agent"), "-c", agentFile];
    agents.push(await startProgram(dir, agent, /CTRL_AGENT_STARTED/, hooks));
  };
  const ssh = await startLogin(dir, root, relay);
  const forwarder = await forward(() => running?.pid ?? 0);
  const url = `http://127.0.0.1:${forwarder.port}`;
  const home: KeaHome = {
    url,
    ssh: { host: "127.0.0.1", user: userInfo().username, ...ssh.login, socket: unixSocket(dir)["socket-name"] },
    logins: ssh.logins,
    bin: ssh.bin,
    leaveOnly: ssh.leaveOnly,
    async secureSocket({ key, cert }) {
      const files = { "cert-file": path.join(dir, "kea.pem"), "key-file": path.join(dir, "kea.key") };
      await writeFile(files["cert-file"], cert);
      await writeFile(files["key-file"], key);
      return { ...httpSocket, ...files, "trust-anchor": files["cert-file"], "cert-required": false };
    },
    configFile,
    file: () => readFile(configFile, "utf8"),
    async restart(reservations, change = {}) {
      await stop();
      await rm(path.join(dir, "data", "leases.csv"), { force: true });
      await writeFile(configFile, JSON.stringify(configuration(dir, generation, libraries, reservations, change)));
      await start();
    },
    powerCycle: start,
    signal: (what) => void running?.kill(what),
    async order(name, given) {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`,
        },
        body: JSON.stringify({ command: name, service: ["dhcp4"], ...(given && { arguments: given }) }),
      });
      return ((await response.json()) as [{ result: number }])[0];
    },
    log: () => readFile(path.join(dir, "kea.log"), "utf8"),
    askForLease: (mac) => askForLease(running?.pid ?? 0, dir, mac),
    async close() {
      forwarder.server.close();
      await end(ssh.sshd);
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return home.restart([]).then(
    () => home,
    async (error) => {
      await home.close();
      throw error;
    },
  );
}

const authentication = { type: "basic", realm: "kea", clients: [login] };
const unixSocket = (dir: string) => ({ "socket-type": "unix", "socket-name": path.join(dir, "sockets", "kea4") });
const httpSocket = { "socket-type": "http", "socket-address": "127.0.0.1", "socket-port": 8000, authentication };

function agentConfiguration(dir: string) {
  return {
    "Control-agent": {
      "http-host": "127.0.0.1",
      "http-port": 8000,
      authentication,
      "control-sockets": { dhcp4: unixSocket(dir) },
      loggers: [{ name: "kea-ctrl-agent", severity: "INFO", "output-options": [{ output: "stdout" }] }],
    },
  };
}

function configuration(
  dir: string,
  generation: Generation,
  libraries: object[],
  reservations: readonly object[],
  change: object,
) {
  return {
    Dhcp4: {
      "interfaces-config": { interfaces: ["home0"] },
      ...(generation === 2
        ? { "control-socket": unixSocket(dir) }
        : { "control-sockets": [httpSocket, unixSocket(dir)] }),
      "lease-database": {
        type: "memfile",
        persist: true,
        name: path.join(dir, "data", "leases.csv"),
        "lfc-interval": 0,
      },
      "hooks-libraries": libraries,
      "valid-lifetime": 3600,
      subnet4: [
        {
          id: 1,
          subnet: "192.168.2.0/24",
          interface: "home0",
          pools: [{ pool: "192.168.2.200 - 192.168.2.250" }],
          reservations,
        },
      ],
      loggers: [{ name: "kea-dhcp4", severity: "INFO", "output-options": [{ output: "stdout" }] }],
      ...change,
    },
  };
}

/** Starts one of Kea's programs and waits until its log, which is the home's, says that it has started. */
async function startProgram(dir: string, command: string[], started: RegExp, hooks: string): Promise<ChildProcess> {
  const log = path.join(dir, "kea.log");
  const data = path.join(dir, "data");
  const output = await open(log, "w");
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: ["ignore", output.fd, output.fd],
    env: {
      PATH: process.env.PATH,
      KEA_HOOKS_PATH: hooks,
      KEA_CONTROL_SOCKET_DIR: path.join(dir, "sockets"),
      KEA_DHCP_DATA_DIR: data,
      KEA_LOG_FILE_DIR: data,
      KEA_PIDFILE_DIR: data,
      KEA_LOCKFILE_DIR: "none",
    },
  });
  await output.close();
  const deadline = Date.now() + 60_000;
  for (;;) {
    const text = await readFile(log, "utf8");
    if (started.test(text)) return child;
    if (child.exitCode !== null || Date.now() > deadline) {
      await end(child);
      throw new Error(`Kea did not start: ${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A port of this machine whose connections end at port 8000 in the network of a process. */
async function forward(pid: () => number): Promise<{ port: number; server: Server }> {
  const port = await freePort();
  const server = createServer((socket) => {
    const enter = [...networkOf(pid()), "busybox", "nc", "127.0.0.1", "8000"];
    const relay = spawn("nsenter", enter, { stdio: ["pipe", "pipe", "ignore"] });
    for (const stream of [socket, relay.stdin, relay.stdout]) stream.on("error", () => undefined);
    socket.pipe(relay.stdin);
    relay.stdout.pipe(socket);
    socket.on("close", () => relay.kill());
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { port, server };
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { run } from "../../../lib/run.ts";
import { networkOf, ownNetwork } from "../router/cable.ts";

/** A home's network on one computer, where each machine has a network of its own. */
export interface HomeNetwork {
  /** Adds a machine with that address in 192.168.2.0/24, and returns a command's beginning that runs it there. */
  add(name: string, ip: string): Promise<string[]>;
  /** Pulls out a machine's cable or plugs it in again: nothing tells the others that connections to it are dead. */
  plug(name: string, isPlugged: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Processes that keep a network each; whoever has root in one may make more of them there. */
export async function makeNetwork(): Promise<HomeNetwork> {
  const keepers: ChildProcess[] = [];
  const keep = async (command: readonly string[], script: readonly string[]): Promise<number> => {
    const [program = "", ...args] = [
      ...command,
      "sh",
      "-ec",
      [...script, "echo ready", "exec sleep infinity"].join("\n"),
    ];
    const keeper = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    keepers.push(keeper);
    await Promise.race([
      once(keeper.stdout as NonNullable<typeof keeper.stdout>, "data"),
      once(keeper, "exit").then(() => {
        throw new Error(`no network: ${command.join(" ")}`);
      }),
    ]);
    return keeper.pid ?? 0;
  };
  const hub = await keep(
    ["unshare", ...ownNetwork()],
    ["ip link set lo up", "ip link add home type bridge", "ip addr add 192.168.2.1/24 dev home", "ip link set home up"],
  );
  const at = (pid: number, ...command: string[]) => ["nsenter", ...networkOf(pid), ...command];
  const runAt = (pid: number, ...command: string[]) => {
    const [program = "", ...args] = at(pid, ...command);
    return run(program, args);
  };
  return {
    async add(name, ip) {
      const pid = await keep(at(hub, "unshare", "--net"), ["ip link set lo up"]);
      const end = ["type", "veth", "peer", "name", "eth0", "netns", String(pid)];
      await runAt(hub, "ip", "link", "add", `to-${name}`, ...end);
      await runAt(hub, "ip", "link", "set", `to-${name}`, "master", "home", "up");
      await runAt(pid, "ip", "addr", "add", `${ip}/24`, "dev", "eth0");
      await runAt(pid, "ip", "link", "set", "eth0", "up");
      // Nomad takes the network's card from it.
      await runAt(pid, "ip", "route", "add", "default", "via", "192.168.2.1");
      return at(pid);
    },
    async plug(name, isPlugged) {
      await runAt(hub, "ip", "link", "set", `to-${name}`, isPlugged ? "up" : "down");
    },
    async close() {
      for (const keeper of keepers.reverse()) {
        if (keeper.exitCode !== null || !keeper.kill("SIGKILL")) continue;
        await once(keeper, "exit");
      }
    },
  };
}

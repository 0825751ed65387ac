import { readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { sshCommand } from "../../steps/lab/ssh.ts";
import { freePorts } from "../engine/ports.ts";
import { type Attempt, asServer, byTls, inTheClear } from "../engine/security/neighbour.ts";
import { knock } from "../engine/security/probe.ts";
import { makeStack } from "../engine/security/stack.ts";
import { isOpen, untilDefined } from "./asking.ts";
import type { Checkout } from "./checkout.ts";

/**
 * What a machine of the lab's network gets other than it should, as "what: answer", without a key and with another stack's.
 * The router is that machine: it has no key of the cluster, and connections that SSH makes there come from its address.
 */
export async function wronglyAnswered(home: Checkout): Promise<string[]> {
  const { CONSUL_CACERT = "" } = await home.json<Record<string, string>>("env");
  const ca = readFileSync(CONSUL_CACERT, "utf8");
  const other = await makeStack();
  const byRpc = [...asServer(ca), ...asServer(ca, other)];
  return await tryAll(home, [...inTheClear, ...byTls(ca), ...byTls(ca, other.access.consul), ...byRpc]);
}

async function tryAll(home: Checkout, attempts: readonly Attempt[]): Promise<string[]> {
  const targets = [...new Set(attempts.map(([, { ip, port }]) => `${ip}:${port}`))];
  const local = await freePorts(targets.length);
  const portFor = new Map(targets.map((target, index) => [target, local[index] ?? 0]));
  const tunnel = await openTunnel(home, portFor);
  try {
    const wrong: string[] = [];
    for (const [what, { ip, port, ...rest }, right] of attempts) {
      const answer = await knock({ ...rest, ip: "127.0.0.1", port: portFor.get(`${ip}:${port}`) ?? 0 });
      if (!right.test(asIfDirect(answer))) wrong.push(`${what}: ${answer}`);
    }
    return wrong;
  } finally {
    await tunnel.close();
  }
}

/** SSH takes the connection before it knows that the port is closed. */
const asIfDirect = (answer: string) =>
  /^(closed|ECONNRESET|EPIPE|socket hang up|it closes the connection)$/.test(answer) ? "closed" : answer;

async function openTunnel(home: Checkout, ports: ReadonlyMap<string, number>) {
  const { program, args } = await sshCommand(path.join(home.dir, ".piinit/lab/lab"), "router", []);
  const forwards = [...ports].flatMap(([target, port]) => ["-L", `127.0.0.1:${port}:${target}`]);
  // The first value of an option counts.
  const tunnel = execa(program, ["-o", "ClearAllForwardings=no", "-N", ...forwards, ...args], {
    reject: false,
    stdin: "ignore",
  });
  await untilDefined(async () => ((await isOpen([...ports.values()][0] ?? 0)) ? true : undefined));
  return {
    async close() {
      tunnel.kill();
      await tunnel;
    },
  };
}

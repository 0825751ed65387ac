import { writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout, type Outcome } from "../e2e/checkout.ts";
import { homeAddress, homeNames, homeNetwork, makeHome } from "../engine/cluster/home.ts";
import { type Row, tableOf } from "./table.ts";

const machines = 200;

/** Three real servers, and so many clients that are off. */
function settings(): string {
  const servers = homeNames.map((name) => ({ name, ip: homeAddress(name), image: "server" }));
  const clients = Array.from({ length: machines - servers.length }, (_, index) => ({
    name: `client${index}`,
    ip: `127.1.1.${index + 1}`,
    image: "client",
  }));
  const lines = [...servers, ...clients].map(
    (machine, index) => `    - ${JSON.stringify({ ...machine, mac: `b8:27:eb:00:00:${hex(index)}` })}`,
  );
  return `config:
  piinit:datacenter: home
  piinit:network: {cidr: ${homeNetwork}, domain: home.arpa, router: {kind: manual}}
  piinit:images:
    server: {board: amd64, roles: {consul: server, nomad: both}}
    client: {board: amd64, roles: {consul: client}}
  piinit:machines:
${lines.join("\n")}
  piinit:kv: {greeting: hello}
  piinit:wait: 10s
`;
}

const hex = (index: number) => index.toString(16).padStart(2, "0");

/** Measures `up`, `preview` and `status` of a large stack without a lab in which there is nothing to change. */
export async function benchHome(): Promise<string> {
  const checkout = await makeCheckout();
  writeFileSync(path.join(checkout.dir, "stacks/Pulumi.large.yaml"), settings());
  const home = await makeHome(checkout, "large");
  try {
    home.start(...homeNames);
    succeeded(await checkout.piinit("up", "large", "--yes"));
    const rows = [
      await measure(checkout, "up with nothing to change", 12, "up", "large", "--yes"),
      await measure(checkout, "preview", 12, "preview", "large"),
      await measure(checkout, "status", 2, "status", "large"),
    ];
    return `A stack of ${machines} machines without a lab: three real servers, and clients that are off.\n\n${tableOf(rows)}`;
  } finally {
    checkout.remove();
    await home.close();
  }
}

async function measure(checkout: Checkout, what: string, goal: number, ...args: string[]): Promise<Row> {
  const { seconds } = succeeded(await checkout.piinit(...args));
  process.stderr.write(`${what}: ${seconds.toFixed(1)} s\n`);
  return { what, unit: "s", goal, measured: seconds };
}

/** `status` says by its exit code that machines are missing. */
function succeeded(outcome: Outcome): Outcome {
  if (outcome.exitCode > 1) throw new Error(`a command failed:\n${outcome.output}`);
  return outcome;
}

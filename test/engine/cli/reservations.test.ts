import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { type PiHoleContract, password, startPiHole } from "../router/contract/pihole-server.ts";

const program = `
import { DhcpReservations } from "./components/reservations.ts";
import { readSettings } from "./components/config.ts";
const { machines, network } = readSettings();
new DhcpReservations("reservations", { router: network.router, machines, cidr: network.cidr });
`;

const settings = ({ url, fingerprint }: PiHoleContract) => `config:
  piinit:network: {cidr: 192.168.2.0/24, domain: home.arpa, router: {kind: pihole, url: "${url}", fingerprint: "${fingerprint}"}}
  piinit:builder: {ssh: nobody@127.0.0.1}
  piinit:images: {server: {board: pi3, roles: {consul: server}}}
  piinit:machines:
${[1, 2, 3].map((number) => `    - {name: pi${number}, mac: "b8:27:eb:00:00:0${number}", ip: 192.168.2.5${number}, image: server}`).join("\n")}
`;

describe("reservations that somebody has removed from the router", function () {
  this.timeout(120_000);
  let router: PiHoleContract;
  let checkout: Checkout;

  before(async () => {
    router = await startPiHole();
    checkout = await makeCheckout();
    writeFileSync(path.join(checkout.dir, "index.ts"), program);
    writeFileSync(path.join(checkout.dir, "stacks/Pulumi.home.yaml"), settings(router));
    const { exitCode, output } = await checkout.pulumi(
      `printf %s '${password}' | ./piinit secret network.router.password home`,
    );
    assert.equal(exitCode, 0, output);
  });
  after(async () => {
    checkout?.remove();
    await router?.close();
  });

  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output } = await checkout.piinit(...args);
    assert.equal(exitCode, 0, output);
    return output;
  }

  it("are there again after the next up, which asks the router no more than once where nothing is wrong", async () => {
    await succeeds("up", "home", "--yes");
    const reserved = [...router.hosts];
    assert.equal(reserved.length, 3);
    router.logins = 0;
    assert.doesNotMatch(await succeeds("up", "home", "--yes"), /lacks|updated/);
    assert.equal(router.logins, 1);

    router.hosts = [];
    assert.match(await succeeds("preview", "home"), /lacks pi1: /);
    assert.match(await succeeds("up", "home", "--yes"), /lacks pi1: [\s\S]*updated/);
    assert.deepEqual(router.hosts, reserved);
  });

  it("are no concern of an up that has failed, whose user isn't kept waiting for the router", async () => {
    writeFileSync(path.join(checkout.dir, "index.ts"), "throw new Error('on purpose');");
    router.beSilentFrom(0, () => {});
    const { exitCode, output } = await checkout.piinit("up", "home", "--yes");
    assert.notEqual(exitCode, 0);
    assert.match(output, /on purpose/);
    assert.doesNotMatch(output, /could not be checked|nobody waits/);
  });
});

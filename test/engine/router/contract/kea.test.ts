import assert from "node:assert/strict";
import { checkRouter } from "../../../../cli/doctor/router.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import { machine } from "../bench.ts";
import { faultCases } from "./faults.ts";
import { hostsIn, type KeaContract, password, startKeaContract, user } from "./kea-server.ts";
import { refused, stackHome } from "./stack-home.ts";

const isOurs = (one: ReturnType<typeof hostsIn>[number]) => one["user-context"] !== undefined;

function benchOf(server: KeaContract) {
  const settings: RouterSettings = {
    kind: "kea",
    url: server.url,
    fingerprint: server.fingerprint,
    user,
    password,
    persist: true,
  };
  return {
    settings,
    async putOthers(reservations: readonly Reservation[]) {
      const others = reservations.map(({ mac, ip, name }) => ({ "hw-address": mac, "ip-address": ip, hostname: name }));
      const [subnet] = server.config.Dhcp4.subnet4 ?? [];
      subnet?.reservations?.push(...others);
    },
    others: async () => JSON.stringify(hostsIn(server).filter((one) => !isOurs(one))),
    async reserved() {
      const inFile = hostsIn({ config: server.file });
      assert.deepEqual(new Set(inFile), new Set(hostsIn(server)), "its file has something else");
      return hostsIn(server).map((one) => ({
        mac: one["hw-address"] ?? "",
        ip: one["ip-address"] ?? "",
        name: one.hostname ?? "",
      }));
    },
    secrets: [password, Buffer.from(`${user}:${password}`).toString("base64")],
  };
}

for (const hasHostCommands of [true, false])
  faultCases(`Kea's documented commands ${hasHostCommands ? "with" : "without"} host_cmds`, async () => {
    const server = await startKeaContract(hasHostCommands);
    return { server, bench: benchOf(server) };
  });

describe("Kea's documented commands, to a user who may only look", () => {
  for (const hasHostCommands of [true, false])
    it(`are told by doctor, and not sent by up, ${hasHostCommands ? "with" : "without"} host_cmds`, async () => {
      const server = await startKeaContract(hasHostCommands);
      try {
        const { settings } = benchOf(server);
        const { apply } = stackHome(() => settings);
        server.readOnly = true;
        const says = /it lets this login change nothing: it tells of no config-test, config-set, config-write\. Allow/;
        const network = { cidr: "192.168.2.0/24", router: settings };
        await refused(
          checkRouter({ lab: undefined, network, machines: [machine(1)] }, "home"),
          /answers, but:\n/,
          says,
        );
        await refused(apply([machine(1)]), /^Nothing was changed on /, says);
        assert.ok(
          !server.asked.some(({ body }) => /set|test|write|add|del/.test((body as { command: string }).command)),
        );
        server.readOnly = false;
        await apply([machine(1)]);
        assert.equal(hostsIn(server).length, 1);
      } finally {
        await server.close();
      }
    });
});

describe("Kea's documented commands, without lease_cmds", () => {
  it("tell which reservations are gone, and why there are no leases", async () => {
    const server = await startKeaContract(true);
    try {
      const { router, apply } = stackHome(() => benchOf(server).settings);
      server.tellsLeases = false;
      await apply([machine(1)]);
      assert.deepEqual(await router().lost([machine(1), machine(2)]), [machine(2)]);
      await refused(router().leases(), /load its hook library libdhcp_lease_cmds\.so/);
    } finally {
      await server.close();
    }
  });
});

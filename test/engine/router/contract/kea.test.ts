import assert from "node:assert/strict";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import { faultCases } from "./faults.ts";
import { hostsIn, type KeaContract, password, startKeaContract, user } from "./kea-server.ts";

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

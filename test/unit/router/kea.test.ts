import assert from "node:assert/strict";
import { configuration, entriesOf, ownOf, place, withOwn } from "../../../steps/router/drivers/kea/config.ts";

const pi1 = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const own = { "hw-address": pi1.mac, "ip-address": pi1.ip, hostname: "pi1", "user-context": { piinit: "home" } };
const other = {
  "hw-address": "02:00:00:00:00:01",
  hostname: "NAS.home.lan",
  "ip-address": "0.0.0.0",
  more: { x: [1] },
};
const subnet = (id: number, network: string, ...reservations: object[]) => ({
  id,
  subnet: `192.168.${network}.0/24`,
  reservations,
  kept: { id },
});
const given = {
  Dhcp4: {
    subnet4: [subnet(1, "2", other, own), subnet(2, "3", other)],
    "shared-networks": [{ name: "floor", subnet4: [subnet(3, "4"), { id: 4, subnet: "192.168.5.0/24" }] }],
    "option-data": [{ name: "x" }],
  },
};
const config = configuration.parse(given);

describe("Kea's configuration", () => {
  it("keeps all that is not the stack's when its reservations change", () => {
    const changed = withOwn(config, "home", [{ ...pi1, ip: "192.168.4.51", subnetId: 3 }]);
    const moved = { ...own, "ip-address": "192.168.4.51" };
    assert.deepEqual(changed, {
      Dhcp4: {
        ...given.Dhcp4,
        subnet4: [subnet(1, "2", other), subnet(2, "3", other)],
        "shared-networks": [
          { name: "floor", subnet4: [subnet(3, "4", moved), { id: 4, subnet: "192.168.5.0/24", reservations: [] }] },
        ],
      },
    });
    assert.deepEqual(withOwn(config, "garage", []).Dhcp4.subnet4, given.Dhcp4.subnet4);
  });

  it("says whose reservations are whose", () => {
    assert.deepEqual(ownOf(config, "home"), [{ ...pi1, subnetId: 1 }]);
    assert.deepEqual(ownOf(config, "garage"), []);
    const entries = entriesOf(config, new Set([1]), "home");
    assert.deepEqual(
      entries.map(({ source, macs, name, ip }) => [source, macs, name, ip]),
      [["Kea's subnet 192.168.2.0/24", ["02:00:00:00:00:01"], "nas", undefined]],
    );
    assert.equal(entriesOf(config, new Set([1])).length, 2);
  });

  it("has a subnet for an address, or none", () => {
    const ips = ["192.168.2.51", "192.168.5.1", "192.168.6.1"];
    const found = place(
      config,
      ips.map((ip) => ({ ...pi1, ip })),
    );
    assert.deepEqual(
      found.map((one) => ("subnetId" in one ? one.subnetId : undefined)),
      [1, 4, undefined],
    );
  });
});

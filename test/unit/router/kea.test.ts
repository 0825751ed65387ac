import assert from "node:assert/strict";
import { place } from "../../../steps/router/base/place.ts";
import { configuration, entriesOf, ownOf, withOwn } from "../../../steps/router/drivers/kea/config.ts";
import { kea } from "../../../steps/router/drivers/kea/kea.ts";
import { networksOf, serviceOf } from "../../../steps/router/drivers/kea/served.ts";

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
    const changed = withOwn(config, "home", [{ ...pi1, ip: "192.168.4.51", network: 3 }]);
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
    assert.deepEqual(ownOf(config, "home"), [{ ...pi1, network: 1 }]);
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
      networksOf(config),
      ips.map((ip) => ({ ...pi1, ip })),
    );
    assert.deepEqual(
      found.map(({ network, ip }) => [network, ip]),
      [
        [1, "192.168.2.51"],
        [4, "192.168.5.1"],
      ],
    );
  });

  it("says what is served, and which pools must be free of reservations", () => {
    const subnet4 = [
      { id: 1, subnet: "192.168.2.0/24", pools: [{ pool: "192.168.2.200 - 192.168.2.250" }] },
      { id: 2, subnet: "10.0.0.0/24", pools: [{ pool: "10.0.0.64/28" }], "reservations-out-of-pool": false },
    ];
    const service = serviceOf({
      Dhcp4: {
        subnet4,
        "option-data": [{ name: "domain-name", data: "home.lan" }],
        "reservations-out-of-pool": true,
      },
    });
    assert.deepEqual(service, {
      networks: [
        {
          id: 1,
          cidr: "192.168.2.0/24",
          pools: [{ first: "192.168.2.200", last: "192.168.2.250" }],
          keepsPools: true,
        },
        {
          id: 2,
          cidr: "10.0.0.0/24",
          pools: [{ first: "10.0.0.64", last: "10.0.0.79" }],
          keepsPools: false,
        },
      ],
      domain: "home.lan",
    });
    assert.match(String(serviceOf({ Dhcp4: {} }).off), /has no subnet/);
  });
});

describe("Kea's settings", () => {
  const http = { kind: "kea", url: "https://192.168.2.1:8000", persist: true };
  const ssh = { kind: "kea", host: "192.168.2.1", persist: true };
  const faultsOf = (settings: object) =>
    kea.schema.safeParse(settings).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];

  it("have one way in: HTTP or SSH", () => {
    const fingerprint = "00".repeat(32);
    assert.deepEqual(faultsOf({ ...http, fingerprint, user: "pi @home", password: "x" }), []);
    assert.deepEqual(faultsOf({ ...ssh, port: 2222, user: "pi", hostKey: "ssh-ed25519 AAAA", socket: "/run/k" }), []);
    assert.deepEqual(faultsOf({ kind: "kea", persist: true }), [
      "url must be set, or else host, for Kea's UNIX socket over SSH",
    ]);
    assert.deepEqual(faultsOf({ ...http, ...ssh }), [
      "host must be left out with url: Kea is reached by HTTP or by SSH, not by both",
    ]);
  });

  it("have nothing that the other way needs", () => {
    assert.deepEqual(faultsOf({ ...http, port: 22, socket: "/run/k" }), [
      "port must be left out with url",
      "socket must be left out with url",
    ]);
    assert.deepEqual(faultsOf({ ...ssh, password: "x" }), ["password must be left out with host"]);
    assert.deepEqual(faultsOf({ ...ssh, user: "pi @home" }), ["user must be a user name, such as root"]);
    assert.deepEqual(faultsOf({ ...http, url: "http://192.168.2.1:8000", fingerprint: "00".repeat(32) }), [
      "fingerprint must be left out with http:, which has no certificate",
    ]);
    assert.match(faultsOf({ ...ssh, socket: "/run/k,x" }).join(), /socket must be an absolute path/);
  });

  it("name the address that no machine may have, and the router", () => {
    const both = [http, ssh].map((settings) => kea.schema.parse(settings));
    assert.deepEqual(both.map(kea.host), ["192.168.2.1", "192.168.2.1"]);
    assert.deepEqual(both.map(kea.title), ["Kea at https://192.168.2.1:8000", "Kea on 192.168.2.1"]);
  });
});

import assert from "node:assert/strict";
import { misfits, strangeNetwork } from "../../../steps/router/base/fit.ts";
import type { ServedNetwork } from "../../../steps/router/base/service.ts";

const pool = { first: "192.168.2.200", last: "192.168.2.250" };
const pi1 = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const at = (ip: string) => ({ ...pi1, ip });

describe("whether a router serves a stack's addresses", () => {
  const found = (networks: ServedNetwork[] | undefined, ip: string, cidr?: string) =>
    misfits({ networks }, { reservations: [at(ip)], cidr }).join("\n");

  it("is known by its networks", () => {
    const networks = [
      { cidr: "10.9.0.0/24", pools: [] },
      { name: "lan", cidr: "192.168.2.1/24", pools: [pool] },
    ];
    assert.equal(found(networks, "192.168.2.51"), "");
    assert.equal(found(networks, "192.168.2.210"), "");
    assert.match(
      found(networks, "192.168.3.51"),
      /^gives out addresses in 10\.9\.0\.0\/24, lan \(192\.168\.2\.1\/24\), and these are not in there: pi1: .*3\.51\. Give/,
    );
    assert.match(found(networks, "192.168.2.1"), /^has these addresses itself: pi1: /);
  });

  it("is known by its pools and the stack's netmask where the router does not tell its own", () => {
    const networks = [{ cidr: undefined, pools: [pool] }];
    assert.equal(found(networks, "192.168.2.51", "192.168.2.0/24"), "");
    assert.equal(found(networks, "192.168.3.51", "192.168.0.0/16"), "");
    assert.match(found(networks, "192.168.3.51", "192.168.3.0/24"), /in 192\.168\.2\.0\/24, and these are not/);
    assert.equal(found(networks, "192.168.3.51"), "", "earlier versions told no netmask");
    assert.equal(found(undefined, "192.168.3.51", "192.168.3.0/24"), "");
    const silent = [{ cidr: undefined, inside: "192.168.2.0", pools: [] }];
    assert.match(found(silent, "192.168.3.51", "192.168.3.0/24"), /not in there/);
  });

  it("depends on its pools only where the router keeps those for others", () => {
    const networks = [{ cidr: "192.168.2.1/24", pools: [pool], keepsPools: true }];
    assert.equal(found(networks, "192.168.2.199"), "");
    for (const ip of ["192.168.2.200", "192.168.2.250"])
      assert.match(found(networks, ip), /^gives 192\.168\.2\.200 to 192\.168\.2\.250 to any machine and can't reserve/);
  });

  it("is not asked of a server that is off", () => {
    const service = { networks: [], off: "DHCP is off" };
    assert.deepEqual(misfits(service, { reservations: [pi1] }), ["gives out no addresses: DHCP is off"]);
    assert.equal(strangeNetwork(service, "192.168.2.0/24"), undefined);
  });

  it("is no question while its login may change nothing, which is said all the same", () => {
    const denied = "ask root";
    const first = "lets this login change nothing: ask root";
    assert.deepEqual(misfits({ networks: [], off: "DHCP is off", denied }, { reservations: [pi1] }), [
      first,
      "gives out no addresses: DHCP is off",
    ]);
    assert.deepEqual(misfits({ networks: undefined, denied }, { reservations: [pi1] }), [first]);
  });

  it("is told of the stack's network, too", () => {
    const strange = (cidr: string, networks: ServedNetwork[]) => strangeNetwork({ networks }, cidr);
    const lan = { cidr: "192.168.2.1/24", pools: [pool] };
    assert.equal(strange("192.168.2.0/24", [{ cidr: "10.9.0.0/24", pools: [] }, lan]), undefined);
    assert.match(
      String(strange("192.168.0.0/16", [lan])),
      /^serves 192\.168\.2\.1\/24, and the stack's network is 192/,
    );
    assert.equal(strange("192.168.0.0/16", [{ cidr: undefined, pools: [pool] }]), undefined);
    assert.match(String(strange("10.0.0.0/24", [{ cidr: undefined, pools: [pool] }])), /^serves 192\.168\.2\.200 to/);
  });
});

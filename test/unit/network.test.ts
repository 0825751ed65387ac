import assert from "node:assert/strict";
import { addressesOf, isHostIn, networkOf } from "../../lib/network.ts";

describe("a home network", () => {
  it("follows from its CIDR", () => {
    assert.deepEqual(networkOf("192.168.2.0/24"), {
      network: "192.168.2.0",
      broadcast: "192.168.2.255",
      netmask: "255.255.255.0",
      prefix: 24,
      router: "192.168.2.1",
    });
    assert.equal(networkOf("10.1.2.3/29").network, "10.1.2.0");
  });

  it("has hosts between its first and its last address", () => {
    assert.ok(isHostIn("10.0.0.0/8", "10.255.255.254"));
    for (const ip of ["192.168.2.0", "192.168.2.255", "192.168.3.1"]) assert.ok(!isHostIn("192.168.2.0/24", ip), ip);
    assert.equal(addressesOf("192.168.2.0/24").length, 254);
    assert.deepEqual(addressesOf("192.168.2.8/30"), ["192.168.2.9", "192.168.2.10"]);
  });
});

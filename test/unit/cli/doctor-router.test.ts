import assert from "node:assert/strict";
import { describeRouter } from "../../../cli/doctor/router.ts";
import type { CurrentLease } from "../../../steps/router/base/driver.ts";

const machines = [
  { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" },
  { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" },
];
const stack = { cidr: "192.168.2.0/24", machines, now: 1000 };
const title = "dnsmasq on router";
const lease = (ip: string, mac: string, name: string): CurrentLease => ({
  ip,
  mac,
  name,
  expires: 0,
  isReserved: false,
});

describe("doctor about the router", () => {
  it("counts the reservations that are there", () => {
    const leases = [lease("192.168.2.51", "b8:27:eb:00:00:01", "pi1")];
    assert.equal(
      describeRouter({ title, leases, lost: [] }, stack),
      "dnsmasq on router answers, 1 lease; 2 of 2 reservations are there",
    );
  });

  it("names what up will reserve, and whose lease is in the way", () => {
    const leases = [lease("192.168.2.52", "aa:bb:cc:00:00:01", "phone")];
    const text = describeRouter({ title, leases, lost: machines.slice(1) }, stack);
    assert.match(text, /; 1 of 2 reservations are there; `up` makes pi2: b8:27:eb:00:00:02 → 192\.168\.2\.52; /);
    assert.match(text, /192\.168\.2\.52 is still leased to aa:bb:cc:00:00:01 \(phone\) by a lease without an end/);
  });

  it("refuses a network that the router does not serve", () => {
    const leases = [lease("192.168.1.20", "aa:bb:cc:00:00:01", "phone")];
    assert.throws(() => describeRouter({ title, leases, lost: machines }, stack), {
      message:
        "dnsmasq on router has leases such as 192.168.1.20, and none in 192.168.2.0/24: `cidr` of `piinit:network` must be the network that it serves",
    });
  });

  it("finds nothing wrong with a router that has given out nothing yet", () => {
    assert.match(describeRouter({ title, leases: [], lost: machines }, stack), /0 of 2 reservations are there/);
  });
});

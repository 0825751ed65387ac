import assert from "node:assert/strict";
import { parseEntry } from "../../../commands/router/dnsmasq-config.ts";
import { manualRouter } from "../../../commands/router/manual.ts";
import { entrySaying, fileNameFor, leaseNote, lineFor, refuseConflicts } from "../../../commands/router/plan.ts";
import { UserError } from "../../../lib/errors.ts";

const pi1 = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const entries = (...texts: string[]) => texts.map((text) => parseEntry("/etc/dnsmasq.conf", text));

describe("a reservation on a dnsmasq router", () => {
  it("is one line in a file of its own, named by the MAC", () => {
    assert.equal(fileNameFor(pi1.mac), "piinit-b8-27-eb-00-00-01");
    assert.equal(lineFor(pi1), "b8:27:eb:00:00:01,192.168.2.51,pi1");
  });

  it("is there already when an entry says all of it, whatever else it says", () => {
    assert.ok(entrySaying(entries("set:pi,b8:27:eb:00:00:01,pi1,192.168.2.51,infinite"), pi1));
    assert.equal(entrySaying(entries("b8:27:eb:00:00:01,192.168.2.51"), pi1), undefined);
    assert.equal(entrySaying(entries("b8:27:eb:00:00:01,192.168.2.51,pi1,ignore"), pi1), undefined);
  });

  it("goes well with entries that have nothing to do with it", () => {
    refuseConflicts("router", entries("b8:27:eb:00:00:02,192.168.2.52,pi2", "b8:27:eb:*:*:*,set:pi", "set:pi"), pi1);
    refuseConflicts("router", entries(lineFor(pi1)), pi1);
  });

  it("names every entry that contradicts it", () => {
    const others = entries(
      "b8:27:eb:00:00:07,192.168.2.51,nas",
      "b8:27:eb:00:00:08,192.168.2.58,PI1",
      "b8:27:eb:00:00:01,192.168.2.59",
      "pi1,192.168.2.60",
    );
    assert.throws(
      () => refuseConflicts("192.168.2.1", others, pi1),
      new UserError(
        [
          "pi1: b8:27:eb:00:00:01 → 192.168.2.51 can't be reserved on 192.168.2.1:",
          '  192.168.2.51 belongs to b8:27:eb:00:00:07 in /etc/dnsmasq.conf ("b8:27:eb:00:00:07,192.168.2.51,nas")',
          '  the name pi1 belongs to b8:27:eb:00:00:08 in /etc/dnsmasq.conf ("b8:27:eb:00:00:08,192.168.2.58,PI1")',
          '  b8:27:eb:00:00:01 has another entry in /etc/dnsmasq.conf ("b8:27:eb:00:00:01,192.168.2.59")',
          '  the name pi1 belongs to another machine in /etc/dnsmasq.conf ("pi1,192.168.2.60")',
          "Change the stack's machine, or that entry on the router.",
        ].join("\n"),
      ),
    );
  });
});

describe("what a lease means for a new reservation", () => {
  const lease = { name: "pi1", mac: pi1.mac, ip: "192.168.2.201", expires: 1_000_000 };

  it("is nothing when the machine has its address or none, or when the lease is over", () => {
    assert.equal(leaseNote([], pi1, 0), undefined);
    assert.equal(leaseNote([{ ...lease, ip: pi1.ip }], pi1, 0), undefined);
    assert.equal(leaseNote([lease], pi1, 1_000_001), undefined);
  });

  it("is that the machine keeps its old address for a while", () => {
    const note =
      "pi1 still has 192.168.2.201 until its lease ends at 1970-01-12 13:46 UTC; it gets 192.168.2.51 when it renews or restarts";
    assert.equal(leaseNote([lease], pi1, 0), note);
    assert.match(String(leaseNote([{ ...lease, expires: 0 }], pi1, 2_000_000)), /by a lease without an end/);
  });

  it("is that another machine must give the address up first", () => {
    const other = { name: "phone", mac: "aa:bb:cc:dd:ee:ff", ip: pi1.ip, expires: 1_000_000 };
    assert.match(
      String(leaseNote([other, lease], pi1, 0)),
      /^192\.168\.2\.51 is still leased to aa:bb:cc:dd:ee:ff \(phone\) until/,
    );
  });
});

describe("a router that is set up by hand", () => {
  it("is told as a row to type in, and what it replaces", async () => {
    const router = manualRouter();
    assert.match(
      String(await router.reserve(pi1)),
      /^type this .*:\n.*MAC address.*\n {2}b8:27:eb:00:00:01 {2}192\.168\.2\.51 {5}pi1$/,
    );
    assert.match(
      String(await router.reserve(pi1, { ...pi1, ip: "192.168.2.9" })),
      /instead of pi1: b8:27:eb:00:00:01 → 192\.168\.2\.9/,
    );
    assert.match(String(await router.release(pi1)), /may be removed/);
  });
});

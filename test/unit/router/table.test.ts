import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { leaseNote } from "../../../steps/router/base/lease-note.ts";
import { difference, differenceLines, planTable } from "../../../steps/router/base/table.ts";
import { parseEntry } from "../../../steps/router/drivers/dnsmasq/config.ts";

const pi1 = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2 = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };
const pi3 = { name: "pi3", mac: "b8:27:eb:00:00:03", ip: "192.168.2.53" };
const entries = (...texts: string[]) => texts.map((text) => parseEntry("/etc/dnsmasq.conf", text));

describe("a plan for a router's reservations", () => {
  const adoptedOf = (...texts: string[]) => planTable("router", entries(...texts), [pi1]).adopted.length;

  it("adopts an entry that says all of a reservation, whatever else it says", () => {
    const text = "set:pi,b8:27:eb:00:00:01,pi1,192.168.2.51,infinite";
    const [entry] = entries(text);
    assert.deepEqual(planTable("router", entries(text), [pi1, pi2]), {
      own: [pi2],
      adopted: [{ reservation: pi1, entry }],
    });
  });

  it("goes well with entries that have nothing to do with it", () => {
    assert.equal(adoptedOf("b8:27:eb:00:00:02,192.168.2.52,pi2", "b8:27:eb:*:*:*,set:pi", "set:pi"), 0);
  });

  it("adopts none that say only a part, or that no lease is given", () => {
    for (const text of ["b8:27:eb:00:00:01,192.168.2.51", "b8:27:eb:00:00:01,192.168.2.51,pi1,ignore"])
      assert.throws(() => adoptedOf(text), /b8:27:eb:00:00:01 has another entry/);
  });

  it("names every entry that contradicts any of the reservations", () => {
    const others = entries(
      "b8:27:eb:00:00:07,192.168.2.51,nas",
      "b8:27:eb:00:00:08,192.168.2.58,PI2",
      "b8:27:eb:00:00:01,192.168.2.59",
      "pi1,192.168.2.60",
    );
    assert.throws(
      () => planTable("192.168.2.1", others, [pi1, pi2]),
      new UserError(
        [
          "Nothing was changed on 192.168.2.1, because other entries there contradict this stack's machines:",
          '  pi1: b8:27:eb:00:00:01 → 192.168.2.51: 192.168.2.51 belongs to b8:27:eb:00:00:07 in /etc/dnsmasq.conf ("b8:27:eb:00:00:07,192.168.2.51,nas")',
          '  pi1: b8:27:eb:00:00:01 → 192.168.2.51: b8:27:eb:00:00:01 has another entry in /etc/dnsmasq.conf ("b8:27:eb:00:00:01,192.168.2.59")',
          '  pi1: b8:27:eb:00:00:01 → 192.168.2.51: the name pi1 belongs to another machine in /etc/dnsmasq.conf ("pi1,192.168.2.60")',
          '  pi2: b8:27:eb:00:00:02 → 192.168.2.52: the name pi2 belongs to b8:27:eb:00:00:08 in /etc/dnsmasq.conf ("b8:27:eb:00:00:08,192.168.2.58,PI2")',
          "Change the machines in the stack's file, or those entries on the router.",
        ].join("\n"),
      ),
    );
  });
});

describe("the difference between two tables", () => {
  const lines = (...tables: Parameters<typeof difference>) => differenceLines(difference(...tables));

  it("is told line by line", () => {
    const moved = { ...pi2, ip: "192.168.2.62" };
    assert.deepEqual(lines([pi1, pi2], [pi1, moved, pi3]), [
      "+ pi3: b8:27:eb:00:00:03 → 192.168.2.53",
      "~ pi2: b8:27:eb:00:00:02 → 192.168.2.62 (was 192.168.2.52)",
      "= 1 unchanged",
    ]);
    assert.deepEqual(lines([pi1], []), ["- pi1: b8:27:eb:00:00:01 → 192.168.2.51"]);
    assert.deepEqual(lines([], []), []);
  });

  it("follows a machine by its MAC, and a place by its name when the board is new", () => {
    assert.deepEqual(
      lines(
        [pi1, pi2],
        [
          { ...pi1, name: "pi2" },
          { ...pi2, name: "pi1" },
        ],
      ),
      ["~ pi2: b8:27:eb:00:00:01 → 192.168.2.51 (was pi1)", "~ pi1: b8:27:eb:00:00:02 → 192.168.2.52 (was pi2)"],
    );
    assert.deepEqual(lines([pi1], [{ ...pi1, mac: pi3.mac, ip: pi3.ip }]), [
      "~ pi1: b8:27:eb:00:00:03 → 192.168.2.53 (was b8:27:eb:00:00:01, 192.168.2.51)",
    ]);
  });

  it("has each machine once, also when the board of one place moves to another", () => {
    const { added, changed, removed } = difference([pi1, pi2], [{ ...pi1, mac: pi2.mac }]);
    assert.deepEqual([added, changed, removed], [[], [{ from: pi2, to: { ...pi1, mac: pi2.mac } }], [pi1]]);
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

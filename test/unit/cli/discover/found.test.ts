import assert from "node:assert/strict";
import { leaseTable, linesToAdd } from "../../../../cli/discover/found.ts";
import { isRaspberryPi, loadMakers, makerIn } from "../../../../cli/discover/makers.ts";
import type { CurrentLease } from "../../../../steps/router/base/driver.ts";

const lease = (mac: string, last: number, change: Partial<CurrentLease> = {}): CurrentLease => ({
  mac,
  ip: `192.168.2.${last}`,
  name: "",
  expires: 0,
  isReserved: false,
  ...change,
});

describe("what discover shows", () => {
  const makers = new Map([
    ["001132", "Disks Ltd.\nRoad 1\nTown"],
    ["0011324", "Tenant\nRoad 2"],
  ]);
  const makerOf = (mac: string) => makerIn(makers, mac);
  const machines = [
    { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" },
    { name: "pi3", mac: "b8:27:eb:00:00:03", ip: "192.168.2.52" },
  ];
  const leases = [
    lease("00:11:32:aa:bb:cc", 9, { name: "nas\u001b[2J", isReserved: true }),
    lease("3a:00:00:00:00:01", 201, { name: "phone" }),
    lease("dc:a6:32:00:00:02", 210),
    lease("b8:27:eb:00:00:01", 51, { name: "pi1", isReserved: true }),
    lease("2c:cf:67:00:00:04", 53),
  ];

  it("has Raspberry Pis first, then the others, by address", () => {
    assert.deepEqual(leaseTable(leases, machines, makerOf), [
      "MAC ADDRESS        IP ADDRESS     NAME    MAKER                   MACHINE",
      "b8:27:eb:00:00:01  192.168.2.51   pi1     Raspberry Pi  reserved  pi1",
      "2c:cf:67:00:00:04  192.168.2.53           Raspberry Pi",
      "dc:a6:32:00:00:02  192.168.2.210          Raspberry Pi",
      "00:11:32:aa:bb:cc  192.168.2.9    nas[2J  Disks Ltd.    reserved",
      "3a:00:00:00:00:01  192.168.2.201  phone   made up",
    ]);
  });

  it("fits a terminal, and numbers what isn't in the stack", () => {
    const long = [...leases, lease("dc:a6:32:00:00:09", 250, { name: "n".repeat(63), isReserved: true })];
    const lines = leaseTable(long, machines, makerOf, { numbered: true, width: 80 });
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.deepEqual(
      lines.map((line) => line.slice(0, 20).trimEnd()),
      [
        "   MAC ADDRESS",
        "   b8:27:eb:00:00:01",
        "1  2c:cf:67:00:00:04",
        "2  dc:a6:32:00:00:02",
        "3  dc:a6:32:00:00:09",
        "4  00:11:32:aa:bb:cc",
        "5  3a:00:00:00:00:01",
      ],
    );
    assert.match(lines.join("\n"), /192\.168\.2\.250 +n+… +Raspberry Pi +reserved/);
    assert.ok(leaseTable(long, machines, makerOf).some((line) => line.includes("n".repeat(63))));
  });

  it("has lines for the boards that the stack lacks, with names and addresses that nobody has", () => {
    const given = { machines, cidr: "192.168.2.0/24", image: "server", taken: ["192.168.2.54"] };
    assert.deepEqual(linesToAdd(leases, given), [
      '    - {name: pi2, mac: "2c:cf:67:00:00:04", ip: 192.168.2.55, image: server}',
      '    - {name: pi4, mac: "dc:a6:32:00:00:02", ip: 192.168.2.56, image: server}',
    ]);
    assert.deepEqual(linesToAdd(leases.slice(0, 2), given), []);
  });

  it("leaves a board the name and address that are reserved for it, if the stack can use that name", () => {
    const given = { machines, cidr: "192.168.2.0/24", image: "server" };
    const reserved = (name: string) => linesToAdd([lease("dc:a6:32:00:00:02", 77, { name, isReserved: true })], given);
    assert.deepEqual(reserved("kodi"), [
      '    - {name: kodi, mac: "dc:a6:32:00:00:02", ip: 192.168.2.77, image: server}',
    ]);
    for (const name of ["pi1", "Kodi, x", ""]) assert.match(String(reserved(name)), /name: pi2, .*192\.168\.2\.77/);
  });

  it("knows Raspberry Pi's blocks of every length, and addresses that were made up", () => {
    assert.ok(isRaspberryPi("8c:1f:64:34:a0:01") && !isRaspberryPi("8c:1f:64:34:b0:01"));
    assert.ok(isRaspberryPi("f0:40:af:9f:00:01") && !isRaspberryPi("f0:40:af:8f:00:01"));
    assert.equal(makerOf("00:11:32:00:00:01"), "Disks Ltd.");
    assert.equal(makerOf("00:11:32:40:00:01"), "Tenant");
    assert.equal(makerOf("00:00:00:00:00:01"), "");
    for (const digit of "26ae") assert.equal(makerOf(`0${digit}:00:00:00:00:01`), "made up");
  });

  it("has the IEEE's names, and counts as Raspberry Pi's what they do", async () => {
    const makerOf = await loadMakers();
    assert.equal(makerOf("00:11:32:aa:bb:cc"), "Synology Incorporated");
    assert.equal(makerOf("b8:27:eb:00:00:01"), "Raspberry Pi");
  });
});

import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { silent } from "../../../lib/progress.ts";
import type { Reservation } from "../../../steps/router/base/driver.ts";
import { openRouter } from "../../../steps/router/catalogue.ts";
import { type DnsmasqSettings, dnsmasq } from "../../../steps/router/drivers/dnsmasq/dnsmasq.ts";
import { machine } from "./bench.ts";
import { type OpenwrtHome, startOpenwrtOrSkip } from "./openwrt/home.ts";

const [pi1, pi2, pi3] = [machine(1), machine(2), machine(3)] as const;

describe("a router with dnsmasq, whose files are its own alone", function () {
  this.timeout(120_000);
  let home: OpenwrtHome;

  const context = { progress: silent, signal: new AbortController().signal };
  const settings = (change: Partial<DnsmasqSettings> = {}): DnsmasqSettings => ({
    ...home.settings,
    kind: "dnsmasq",
    hostsDir: "/etc/piinit",
    ...change,
  });
  const apply = (reservations: Reservation[], change: Partial<DnsmasqSettings> = {}) =>
    dnsmasq.apply(settings(change), { owner: "home", reservations, previous: undefined }, context);
  const look = (change: Partial<DnsmasqSettings> = {}) =>
    openRouter(settings(change), context).look({ owner: "home", reservations: [] });
  const refused = (work: Promise<unknown>, ...patterns: RegExp[]) =>
    assert.rejects(work, (error: Error) => {
      assert.ok(error instanceof UserError, String(error.stack));
      for (const pattern of patterns) assert.match(error.message, pattern);
      return true;
    });
  /** Starts dnsmasq with these lines. */
  const configure = async (...lines: string[]) => {
    await home.reset();
    await home.write("/etc/dnsmasq.conf", lines.map((line) => `${line}\n`).join(""));
    await home.restartDnsmasq();
  };
  const filesIn = (folder: string) => home.run(`ls -A ${folder}`);
  /** While that command runs, a program of that name. */
  const beside = async (name: string, command: string, work: () => Promise<void>) => {
    const isThere = `until grep -qx ${name} /proc/$!/comm; do sleep 0.1; done`;
    const pid = (await home.run(`${command} >/dev/null 2>&1 & echo $!; ${isThere}`)).trim();
    try {
      await work();
    } finally {
      await home.run(`kill ${pid}; while [ -d /proc/${pid} ]; do sleep 0.1; done`);
    }
  };
  const besideOther = (name: string, work: () => Promise<void>) =>
    beside(
      name,
      `printf '#!/bin/sh\\nwhile :; do sleep 1; done\\n' >/tmp/${name}; chmod +x /tmp/${name}; /tmp/${name}`,
      work,
    );
  /** While no dnsmasq of the router's own runs. */
  const withoutDnsmasq = async (work: () => Promise<void>) => {
    await home.run("touch /etc/dnsmasq-off; kill $(pidof dnsmasq); while pidof dnsmasq >/dev/null; do sleep 0.1; done");
    try {
      await work();
    } finally {
      await home.remove("/etc/dnsmasq-off");
    }
  };

  before(async function () {
    home = await startOpenwrtOrSkip(this);
    await home.run("mkdir /etc/piinit /etc/elsewhere");
  });
  beforeEach(() => configure("dhcp-hostsdir=/etc/piinit", "read-ethers"));
  afterEach(() => home.run("rm -rf /etc/piinit/* /etc/ethers /etc/openwrt_release /jffs"));
  after(() => home?.close());

  it("serves a table, and finds its lease file by itself", async () => {
    await apply([pi1]);
    assert.deepEqual(await home.askForLease(pi1.mac), { ip: pi1.ip, hostname: pi1.name });
    assert.deepEqual(
      (await look())?.leases.map(({ mac, ip, isReserved }) => [mac, ip, isReserved]),
      [[pi1.mac, pi1.ip, true]],
    );
    assert.match((await apply([{ ...pi1, ip: "192.168.2.61" }])).join("\n"), /pi1 still has 192\.168\.2\.51/);
  });

  it("says where no lease file is, which keeps nobody from comparing reservations", async () => {
    const elsewhere = { leaseFile: "/tmp/none" };
    await refused(look(elsewhere), /no lease file \/tmp\/none: set `leaseFile`/);
    assert.deepEqual(await openRouter(settings(elsewhere), context).lost([pi1]), [pi1]);
  });

  it("has entries in /etc/ethers, which are nobody's to contradict", async () => {
    const ethers = `# mine\n${pi1.mac} ${pi1.ip}\n${pi2.mac}\tpi2\n02:00:00:00:00:01 ${pi3.ip}\n`;
    await home.write("/etc/ethers", ethers);
    await refused(
      apply([pi1, pi2, pi3]),
      /Nothing was changed/,
      /b8:27:eb:00:00:01 has another entry in \/etc\/ethers/,
      /b8:27:eb:00:00:02 has another entry in \/etc\/ethers/,
      /192\.168\.2\.53 belongs to 02:00:00:00:00:01 in \/etc\/ethers/,
    );
    assert.equal(await filesIn("/etc/piinit"), "");
    assert.equal(await home.read("/etc/ethers"), ethers);
    await configure("dhcp-hostsdir=/etc/piinit");
    await home.write("/etc/ethers", ethers);
    await apply([pi1]);
    assert.deepEqual(await home.askForLease(pi1.mac), { ip: pi1.ip, hostname: pi1.name });
  });

  it("gets nothing into a folder that its dnsmasq does not read", async () => {
    await refused(apply([pi1], { hostsDir: "/etc/elsewhere" }), /does not read \/etc\/elsewhere/);
    assert.equal(await filesIn("/etc/elsewhere"), "");
  });

  it("is told where the line belongs when its firmware makes dnsmasq's file", async () => {
    const hostsDir = "/etc/elsewhere";
    const firmware =
      /is made by the router's firmware[^\n]*routers\/dnsmasq\.md[^\n]*\n {2}mkdir -p \/etc\/elsewhere\n {2}dhcp-hostsdir=/;
    await refused(apply([pi1], { hostsDir }), firmware);
    await home.run("mkdir /jffs");
    await refused(apply([pi1], { hostsDir }), firmware);
  });

  it("is known for an OpenWrt, whether or not its dnsmasq runs", async () => {
    await home.write("/etc/openwrt_release", "DISTRIB_ID='OpenWrt'\n");
    await refused(apply([pi1], { hostsDir: "/etc/elsewhere" }), /it is an OpenWrt: set `kind: openwrt`/);
    await withoutDnsmasq(() => refused(apply([pi1]), /no dnsmasq runs on .*it is an OpenWrt: set `kind: openwrt`/));
  });

  it("is known for a Pi-hole, an AdGuard Home or Kea, if it has no other dnsmasq", async () => {
    const hostsDir = "/etc/elsewhere";
    await besideOther("pihole-FTL", async () => {
      await refused(apply([pi1], { hostsDir }), /does not read \/etc\/elsewhere, and its/);
      await withoutDnsmasq(() => refused(apply([pi1]), /no dnsmasq runs on .*it is a Pi-hole: set `kind: pihole`/));
    });
    await withoutDnsmasq(async () => {
      await besideOther("AdGuardHome", () => refused(apply([pi1]), /set `kind: adguard`/));
      await besideOther("kea-dhcp4", () => refused(apply([pi1]), /set `kind: kea`/));
      await refused(apply([pi1]), /no dnsmasq runs on .*: start it, or set another router/);
    });
  });

  it("is not taken for a router because libvirt or NetworkManager runs a dnsmasq", async () => {
    await withoutDnsmasq(async () => {
      const start = "dnsmasq --no-daemon --port=0";
      await home.run(
        "mkdir -p /var/lib/libvirt/dnsmasq /etc/NetworkManager/dnsmasq-shared.d; : >/var/lib/libvirt/dnsmasq/default.conf",
      );
      await beside("dnsmasq", `${start} --conf-file=/var/lib/libvirt/dnsmasq/default.conf`, () =>
        refused(apply([pi1]), /it belongs to libvirt, for its virtual machines/, /virsh net-edit/),
      );
      const shared = "--conf-file=/dev/null --conf-dir=/etc/NetworkManager/dnsmasq-shared.d";
      await beside("dnsmasq", `${start} ${shared}`, () =>
        refused(
          apply([pi1]),
          /it belongs to NetworkManager\. .*dnsmasq-shared\.d/,
          /^ {2}dhcp-hostsdir=\/etc\/piinit$/m,
        ),
      );
    });
  });
});

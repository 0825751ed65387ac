import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { dnsmasqRouter } from "../../../commands/router/dnsmasq.ts";
import type { DnsmasqRouter, Reservation } from "../../../commands/router/router.ts";
import { UserError } from "../../../lib/errors.ts";
import { type Home, startHome, whyNoHome } from "./home.ts";

const pi1: Reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2: Reservation = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };
const pi3: Reservation = { name: "pi3", mac: "b8:27:eb:00:00:03", ip: "192.168.2.53" };
const fileOfPi1 = "piinit-b8-27-eb-00-00-01";

for (const shell of ["sh", "busybox"] as const) {
  describe(`a router with dnsmasq, driven over SSH through ${shell}`, function () {
    this.timeout(60_000);
    let home: Home;
    let router: ReturnType<typeof dnsmasqRouter>;

    const folder = () => home.settings.hostsDir;
    const ourFiles = async () => (await readdir(folder())).sort();
    const contentOf = (file: string) => readFile(path.join(folder(), file), "utf8");
    const configure = (file: string, text: string) => writeFile(path.join(home.dir, "conf.d", file), text);
    const refusal = (work: Promise<unknown>, ...patterns: RegExp[]) =>
      assert.rejects(work, (error: Error) => {
        assert.ok(error instanceof UserError, String(error.stack));
        for (const pattern of patterns) assert.match(error.message, pattern);
        return true;
      });

    before(async function () {
      const why = await whyNoHome();
      if (why) {
        console.log(`      left out: ${why}`);
        this.skip();
      }
      home = await startHome(shell);
      router = dnsmasqRouter(home.settings);
    });
    afterEach(async () => {
      for (const file of await readdir(folder())) await rm(path.join(folder(), file));
      for (const file of await readdir(path.join(home.dir, "conf.d"))) await rm(path.join(home.dir, "conf.d", file));
    });
    after(() => home?.close());

    it("gives a machine its address and name, as the router's own lease table shows", async () => {
      assert.equal(await router.reserve(pi1), undefined);
      assert.deepEqual(await home.askForLease(pi1.mac), { ip: pi1.ip, hostname: "pi1" });
      assert.deepEqual(
        (await router.leases()).filter(({ mac }) => mac === pi1.mac).map(({ ip, name }) => ({ ip, name })),
        [{ ip: pi1.ip, name: "pi1" }],
      );
    });

    it("changes nothing when the reservation is there", async () => {
      await router.reserve(pi1);
      await router.reserve(pi1);
      assert.deepEqual(await ourFiles(), [fileOfPi1]);
      assert.equal(await contentOf(fileOfPi1), "b8:27:eb:00:00:01,192.168.2.51,pi1\n");
    });

    it("moves a machine to another address and says that it still has the old one", async () => {
      await router.reserve(pi1);
      await home.askForLease(pi1.mac);
      const note = await router.reserve({ ...pi1, ip: "192.168.2.61" });
      assert.match(
        String(note),
        /^pi1 still has 192\.168\.2\.51 until its lease ends at .*; it gets 192\.168\.2\.61 when/,
      );
      assert.deepEqual(await home.askForLease(pi1.mac), { ip: "192.168.2.61", hostname: "pi1" });
      assert.deepEqual(await ourFiles(), [fileOfPi1]);
    });

    it("renames a machine", async () => {
      await router.reserve(pi1);
      await router.reserve({ ...pi1, name: "neo" });
      assert.deepEqual(await home.askForLease(pi1.mac), { ip: pi1.ip, hostname: "neo" });
      assert.deepEqual(await router.reservations(), [{ ...pi1, name: "neo" }]);
    });

    it("gives the place of a broken board to a new one in one step", async () => {
      await router.reserve(pi1);
      const board = { ...pi1, mac: "b8:27:eb:00:00:99" };
      await refusal(router.reserve(board), /pi1 belongs to b8:27:eb:00:00:01/);
      await router.reserve(board, pi1);
      assert.deepEqual(await router.reservations(), [board]);
      assert.deepEqual(await home.askForLease(board.mac).then(({ hostname }) => hostname), "pi1");
    });

    it("removes its own entry only, and is content when there is none", async () => {
      await writeFile(path.join(folder(), "printer"), "b8:27:eb:00:00:77,192.168.2.77,printer\n");
      await router.reserve(pi1);
      assert.equal(await router.release(pi1), undefined);
      assert.equal(await router.release(pi1), "there was no entry of ours");
      assert.deepEqual(await ourFiles(), ["printer"]);
      assert.match((await home.askForLease(pi1.mac)).ip, /^192\.168\.2\.2\d\d$/);
    });

    it("adopts an identical entry of somebody else and never removes it", async () => {
      await configure("mine.conf", `dhcp-host=${pi1.mac.toUpperCase()},set:pi,${pi1.name},${pi1.ip},12h\n`);
      assert.match(String(await router.reserve(pi1)), /mine\.conf already says so/);
      assert.deepEqual(await ourFiles(), []);
      await router.release(pi1);
      assert.deepEqual(await router.reservations(), [pi1]);
    });

    it("refuses what contradicts the router's own entries, naming both", async () => {
      await configure("lan.conf", "dhcp-host=b8:27:eb:00:00:77,192.168.2.51,nas # the old one\n");
      await configure("off.conf.bak", "dhcp-host=b8:27:eb:00:00:01,192.168.2.99\n");
      await writeFile(path.join(folder(), "tv"), "b8:27:eb:00:00:78,192.168.2.78,pi2\n");
      await refusal(
        router.reserve(pi1),
        /pi1: b8:27:eb:00:00:01 → 192\.168\.2\.51/,
        /192\.168\.2\.51 belongs to b8:27:eb:00:00:77 in .*lan\.conf/,
      );
      await refusal(router.reserve(pi2), /the name pi2 belongs to b8:27:eb:00:00:78 in .*hosts\/tv/);
      await configure("mac.conf", "dhcp-host=b8:27:eb:00:00:03,192.168.2.33\n");
      await refusal(router.reserve(pi3), /b8:27:eb:00:00:03 has another entry in .*mac\.conf/);
      assert.deepEqual(await ourFiles(), ["tv"]);
    });

    it("takes reservations at the same moment", async () => {
      await Promise.all([pi1, pi2, pi3].map((one) => router.reserve(one)));
      assert.deepEqual(await router.reservations(), [pi1, pi2, pi3]);
      for (const { mac, ip, name } of [pi1, pi2, pi3])
        assert.deepEqual(await home.askForLease(mac), { ip, hostname: name });
      await Promise.all([pi1, pi2, pi3].map((one) => router.release(one)));
      assert.deepEqual(await ourFiles(), []);
    });

    it("never keeps two that contradict each other, even when both are asked for at once", async () => {
      for (let round = 0; round < 3; round++) {
        const results = await Promise.allSettled([router.reserve(pi1), router.reserve({ ...pi2, ip: pi1.ip })]);
        const kept = await router.reservations();
        assert.equal(kept.length, results.filter(({ status }) => status === "fulfilled").length);
        assert.ok(kept.length <= 1);
        for (const reservation of kept) await router.release(reservation);
      }
    });

    it("leaves a whole entry or none when it is interrupted, and goes on from there", async () => {
      await router.reserve(pi1);
      const moved = { ...pi1, ip: "192.168.2.61" };
      for (const delay of [0, 60, 120, 180, 240, 300, 400, 500]) {
        const interrupt = AbortSignal.timeout(delay);
        const outcome = await dnsmasqRouter(home.settings, interrupt)
          .reserve(moved)
          .catch((error: Error) => error);
        if (outcome instanceof Error) assert.match(outcome.message, /interrupted/);
        assert.match(await contentOf(fileOfPi1), /^b8:27:eb:00:00:01,192\.168\.2\.[56]1,pi1\n$/);
      }
      await router.reserve(moved);
      assert.deepEqual(await readdir(folder()), [fileOfPi1]);
      assert.equal((await home.askForLease(pi1.mac)).ip, moved.ip);
    });

    it("says what to add when dnsmasq does not read the folder", async () => {
      const elsewhere: DnsmasqRouter = { ...home.settings, hostsDir: path.join(home.dir, "elsewhere") };
      await refusal(
        dnsmasqRouter(elsewhere).reserve(pi1),
        /does not read/,
        new RegExp(`^  dhcp-hostsdir=${elsewhere.hostsDir}$`, "m"),
        /dnsmasq\.conf/,
      );
    });

    it("says when it may not write there", async () => {
      await configure("readonly.conf", "dhcp-hostsdir=/sys/fs\n");
      await refusal(
        dnsmasqRouter({ ...home.settings, hostsDir: "/sys/fs" }).reserve(pi1),
        /must be allowed to write to \/sys\/fs/,
      );
    });

    it("says when no dnsmasq reads leases or runs, and still removes what is ours", async () => {
      await router.reserve(pi1);
      await refusal(dnsmasqRouter({ ...home.settings, leaseFile: "/none" }).leases(), /no \/none on/, /leaseFile/);
      await home.stopDnsmasq();
      try {
        await refusal(router.reserve(pi2), /no dnsmasq runs on|does not read/);
        await router.release(pi1);
        assert.deepEqual(await ourFiles(), []);
      } finally {
        await home.restartDnsmasq();
      }
    });
  });
}

import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { silent } from "../../../lib/progress.ts";
import type { Reservation } from "../../../steps/router/base/driver.ts";
import { type DnsmasqSettings, dnsmasq } from "../../../steps/router/drivers/dnsmasq/dnsmasq.ts";
import { type Home, startHomeOrSkip } from "./home.ts";

const pi1: Reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2: Reservation = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };
const pi3: Reservation = { name: "pi3", mac: "b8:27:eb:00:00:03", ip: "192.168.2.53" };
const pi4: Reservation = { name: "pi4", mac: "b8:27:eb:00:00:04", ip: "192.168.2.54" };

for (const shell of ["sh", "busybox"] as const) {
  describe(`a router with dnsmasq, driven over SSH through ${shell}`, function () {
    this.timeout(60_000);
    let home: Home;

    const folder = () => home.settings.hostsDir;
    const ourFiles = async () => (await readdir(folder())).sort();
    const contentOf = (file: string) => readFile(path.join(folder(), file), "utf8");
    const put = (file: string, text: string) => writeFile(path.join(folder(), file), text);
    const configure = (file: string, text: string) => writeFile(path.join(home.dir, "conf.d", file), text);
    const entries = async (file = "piinit.home") =>
      (await contentOf(file).catch(() => "")).split("\n").filter((line) => line && !line.startsWith("#"));
    const lineOf = ({ mac, ip, name }: Reservation) => `${mac},${ip},${name}`;
    const context = (signal = new AbortController().signal) => ({ progress: silent, signal });
    const settingsWith = (change: Partial<DnsmasqSettings> = {}) => ({ ...home.settings, ...change });
    /** What `up` of the stack `home` does after the table was `previous`. */
    const apply = (reservations: Reservation[], previous?: Reservation[], change: Partial<DnsmasqSettings> = {}) =>
      dnsmasq.apply(settingsWith(change), { owner: "home", reservations, previous }, context());
    const clear = () =>
      dnsmasq.clear(home.settings, { owner: "home", reservations: [], previous: undefined }, context());
    const refusal = (work: Promise<unknown>, ...patterns: RegExp[]) =>
      assert.rejects(work, (error: Error) => {
        assert.ok(error instanceof UserError, String(error.stack));
        for (const pattern of patterns) assert.match(error.message, pattern);
        return true;
      });
    /** Each machine gets, from the real dnsmasq, what is reserved for it. */
    const served = async (...reservations: Reservation[]) => {
      for (const { mac, ip, name } of reservations)
        assert.deepEqual(await home.askForLease(mac), { ip, hostname: name }, name);
    };

    before(async function () {
      home = await startHomeOrSkip(this, shell);
    });
    afterEach(async () => {
      for (const file of await readdir(folder())) await rm(path.join(folder(), file));
      for (const file of await readdir(path.join(home.dir, "conf.d"))) await rm(path.join(home.dir, "conf.d", file));
      await home.forgetLeases();
    });
    after(() => home?.close());

    it("gives every machine its address and name, and says which", async () => {
      const told = await apply([pi1, pi2]);
      assert.deepEqual(told, ["+ pi1: b8:27:eb:00:00:01 → 192.168.2.51", "+ pi2: b8:27:eb:00:00:02 → 192.168.2.52"]);
      assert.deepEqual(await ourFiles(), ["piinit.home"]);
      await served(pi1, pi2);
    });

    it("names a machine `deprecated`, which is no word of dnsmasq's", async () => {
      const named = { ...pi1, name: "deprecated" };
      await apply([named]);
      await served(named);
    });

    it("changes nothing when the table is there, whether or not the state knows it", async () => {
      await apply([pi1, pi2]);
      const text = await contentOf("piinit.home");
      for (const previous of [undefined, [pi1, pi2]])
        assert.deepEqual(await apply([pi1, pi2], previous), ["= 2 unchanged"]);
      assert.equal(await contentOf("piinit.home"), text);
    });

    it("renames, moves, adds and removes machines in one go", async () => {
      await apply([pi1, pi2, pi3]);
      const now = [{ ...pi1, name: "neo" }, { ...pi2, ip: "192.168.2.62" }, pi4];
      assert.deepEqual(await apply(now, [pi1, pi2, pi3]), [
        "+ pi4: b8:27:eb:00:00:04 → 192.168.2.54",
        "~ neo: b8:27:eb:00:00:01 → 192.168.2.51 (was pi1)",
        "~ pi2: b8:27:eb:00:00:02 → 192.168.2.62 (was 192.168.2.52)",
        "- pi3: b8:27:eb:00:00:03 → 192.168.2.53",
      ]);
      await served(...now);
      assert.match((await home.askForLease(pi3.mac)).ip, /^192\.168\.2\.2\d\d$/);
    });

    it("lets machines exchange addresses, names and MACs, and gives a place to a new board", async () => {
      await apply([pi1, pi2, pi3]);
      const addresses = [{ ...pi1, ip: pi2.ip }, { ...pi2, ip: pi1.ip }, pi3];
      const told = await apply(addresses, [pi1, pi2, pi3]);
      assert.equal(told[0], "~ pi1: b8:27:eb:00:00:01 → 192.168.2.52 (was 192.168.2.51)");
      await served(...addresses);
      const macs = [
        { ...pi1, mac: pi2.mac },
        { ...pi2, mac: pi1.mac },
        { ...pi3, mac: pi4.mac },
      ];
      const toldOfMacs = await apply(macs, addresses);
      assert.ok(toldOfMacs.includes(`~ pi3: ${pi4.mac} → 192.168.2.53 (was ${pi3.mac})`));
      await home.forgetLeases();
      await served(...macs);
    });

    it("says that a machine still has its old address", async () => {
      await apply([pi1]);
      await home.askForLease(pi1.mac);
      const [, note] = await apply([{ ...pi1, ip: "192.168.2.61" }], [pi1]);
      assert.match(
        String(note),
        /^pi1 still has 192\.168\.2\.51 until its lease ends at .*; it gets 192\.168\.2\.61 when/,
      );
    });

    it("removes its own table only, and is content when there is none", async () => {
      await put("printer", "b8:27:eb:00:00:77,192.168.2.77,printer\n");
      await put("piinit.other", `${lineOf(pi2)}\n`);
      await apply([pi1]);
      assert.match(String(await clear()), /removed .*hosts\/piinit\.home/);
      assert.match(String(await clear()), /has no .*piinit\.home any more/);
      assert.deepEqual(await ourFiles(), ["piinit.other", "printer"]);
      assert.match((await home.askForLease(pi1.mac)).ip, /^192\.168\.2\.2\d\d$/);
    });

    it("adopts an identical entry of somebody else and never removes it", async () => {
      await configure("mine.conf", `dhcp-host=${pi1.mac.toUpperCase()},set:pi,${pi1.name},${pi1.ip},12h\n`);
      const [count, told] = await apply([pi1]);
      assert.equal(count, "= 1 unchanged");
      assert.match(String(told), /mine\.conf already says so/);
      assert.deepEqual(await ourFiles(), []);
      await apply([pi1, pi2], [pi1]);
      assert.deepEqual(await entries(), [lineOf(pi2)]);
    });

    it("refuses everything that contradicts entries of others at once, by name, and changes nothing", async () => {
      await apply([pi1]);
      const text = await contentOf("piinit.home");
      await configure("lan.conf", "dhcp-host=b8:27:eb:00:00:77,192.168.2.52,nas # the old one\n");
      await configure("off.conf.bak", "dhcp-host=b8:27:eb:00:00:01,192.168.2.99\n");
      await configure("mac.conf", "dhcp-host=b8:27:eb:00:00:03,192.168.2.33\n");
      await put("piinit.other", "b8:27:eb:00:00:78,192.168.2.78,pi4\n");
      await refusal(
        apply([pi1, pi2, pi3, pi4], [pi1]),
        /Nothing was changed/,
        /pi2: b8:27:eb:00:00:02 → 192\.168\.2\.52: 192\.168\.2\.52 belongs to b8:27:eb:00:00:77 in .*lan\.conf/,
        /b8:27:eb:00:00:03 has another entry in .*mac\.conf/,
        /the name pi4 belongs to b8:27:eb:00:00:78 in .*hosts\/piinit\.other/,
      );
      assert.equal(await contentOf("piinit.home"), text);
      assert.deepEqual(await ourFiles(), ["piinit.home", "piinit.other"]);
    });

    it("refuses to take over a table of its name that has other machines, unless the state knows them", async () => {
      await apply([pi1, pi2]);
      await refusal(apply([pi1]), /machines that stack home does not have/, /pi2: /, /remove that file/);
      assert.deepEqual(await entries(), [lineOf(pi1), lineOf(pi2)]);
      await apply([pi1], [pi1, pi2]);
      assert.deepEqual(await entries(), [lineOf(pi1)]);
    });

    it("goes on after a change whose answer got lost", async () => {
      await apply([pi1]);
      const lost = [{ ...pi1, mac: pi2.mac }];
      await apply(lost, [pi1]);
      const mended = [{ ...pi1, mac: pi3.mac }];
      assert.deepEqual(await apply(mended, [pi1]), [`~ pi1: ${pi3.mac} → 192.168.2.51 (was ${pi2.mac})`]);
      await served(...mended);
    });

    it("takes the files of an earlier version over, for its own machines only", async () => {
      await put("piinit-b8-27-eb-00-00-01", `${lineOf(pi1)}\n`);
      await put("piinit-b8-27-eb-00-00-02", `${lineOf(pi2)}\n`);
      await put("piinit-b8-27-eb-00-00-03", `${lineOf(pi3)}\n`);
      const now = [
        { ...pi1, ip: "192.168.2.61" },
        { ...pi2, mac: pi4.mac },
      ];
      assert.deepEqual(await apply(now), [
        "~ pi1: b8:27:eb:00:00:01 → 192.168.2.61 (was 192.168.2.51)",
        `~ pi2: ${pi4.mac} → 192.168.2.52 (was ${pi2.mac})`,
      ]);
      assert.deepEqual(await ourFiles(), ["piinit-b8-27-eb-00-00-03", "piinit.home"]);
      await served(...now, pi3);
    });

    it("releases a machine's file of an earlier version, if it is still the same", async () => {
      const release = (one: Reservation) => dnsmasq.release(home.settings, one, context());
      await put("piinit-b8-27-eb-00-00-01", `${lineOf(pi1)}\n`);
      assert.match(String(await release({ ...pi1, name: "old" })), /was changed and stays/);
      assert.match(String(await release(pi1)), /removed/);
      assert.match(String(await release(pi1)), /any more/);
      assert.deepEqual(await ourFiles(), []);
    });

    it("puts the old table back when dnsmasq ends over the new one", async () => {
      await apply([pi1]);
      const text = await contentOf("piinit.home");
      await put("piinit-b8-27-eb-00-00-02", `${lineOf(pi2)}\n`);
      await home.letReloadsEndDnsmasq();
      await refusal(apply([{ ...pi1, ip: "192.168.2.61" }, pi2], [pi1]), /dnsmasq/, /are as they were before/);
      assert.equal(await contentOf("piinit.home"), text);
      assert.equal(await contentOf("piinit-b8-27-eb-00-00-02"), `${lineOf(pi2)}\n`);
      await home.restartDnsmasq();
      await served(pi1);
      await apply([{ ...pi1, ip: "192.168.2.61" }, pi2], [pi1]);
      await home.forgetLeases();
      await served({ ...pi1, ip: "192.168.2.61" }, pi2);
    });

    it("never keeps two tables that contradict each other, even when both are asked for at once", async () => {
      for (let round = 0; round < 3; round++) {
        const results = await Promise.allSettled(
          ["one", "two"].map((owner, index) =>
            dnsmasq.apply(
              home.settings,
              { owner, reservations: [index === 0 ? pi1 : { ...pi2, ip: pi1.ip }], previous: undefined },
              context(),
            ),
          ),
        );
        const kept = await ourFiles();
        assert.equal(kept.length, results.filter(({ status }) => status === "fulfilled").length);
        assert.ok(kept.length <= 1);
        for (const file of kept) await rm(path.join(folder(), file));
      }
    });

    it("leaves a whole table when it is interrupted, the old or the new, and goes on from there", async () => {
      await apply([pi1, pi2]);
      const moved = [
        { ...pi1, ip: pi2.ip },
        { ...pi2, ip: pi1.ip },
      ];
      const whole = [[pi1, pi2].map(lineOf).join("\n"), moved.map(lineOf).join("\n")];
      for (const delay of [0, 60, 120, 180, 240, 300, 400, 500]) {
        const table = { owner: "home", reservations: moved, previous: [pi1, pi2] };
        const outcome = await dnsmasq
          .apply(home.settings, table, context(AbortSignal.timeout(delay)))
          .catch((error: Error) => error);
        if (outcome instanceof Error) assert.match(outcome.message, /interrupted/);
        assert.ok(whole.includes((await entries()).join("\n")));
      }
      await apply(moved, [pi1, pi2]);
      assert.deepEqual(await readdir(folder()), ["piinit.home"]);
      await served(...moved);
    });

    it("says what to add when dnsmasq does not read the folder", async () => {
      const hostsDir = path.join(home.dir, "elsewhere");
      await refusal(
        apply([pi1], undefined, { hostsDir }),
        /does not read/,
        new RegExp(`^  dhcp-hostsdir=${hostsDir}$`, "m"),
        /dnsmasq\.conf/,
      );
    });

    it("says when it may not write there", async () => {
      await configure("readonly.conf", "dhcp-hostsdir=/sys/fs\n");
      await refusal(apply([pi1], undefined, { hostsDir: "/sys/fs" }), /must be allowed to write to \/sys\/fs/);
    });

    it("says when no dnsmasq runs, and still removes what is ours", async () => {
      await apply([pi1]);
      await home.stopDnsmasq();
      try {
        await refusal(apply([pi2], [pi1]), /no dnsmasq runs on|does not read/);
        await clear();
        assert.deepEqual(await ourFiles(), []);
      } finally {
        await home.restartDnsmasq();
      }
    });
  });
}

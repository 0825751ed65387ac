import assert from "node:assert/strict";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { openRouter } from "../../../../steps/router/catalogue.ts";
import { openwrt } from "../../../../steps/router/drivers/openwrt/openwrt.ts";
import { parseShow } from "../../../../steps/router/drivers/openwrt/uci.ts";
import { isRoot } from "../cable.ts";
import { type OpenwrtHome, startOpenwrtOrSkip } from "./home.ts";

const pi1: Reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2: Reservation = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };
const pi3: Reservation = { name: "pi3", mac: "b8:27:eb:00:00:03", ip: "192.168.2.53" };
const pi4: Reservation = { name: "pi4", mac: "b8:27:eb:00:00:04", ip: "192.168.2.54" };

describe("a router with OpenWrt", function () {
  this.timeout(120_000);
  let home: OpenwrtHome;

  const config = () => home.read("/etc/config/dhcp");
  const configure = async (text: string) => home.write("/etc/config/dhcp", `${await config()}\n${text}`);
  const context = (signal = new AbortController().signal) => ({ progress: silent, signal });
  /** What `up` of a stack does after the table was `previous`. */
  const apply = (reservations: Reservation[], previous?: Reservation[], owner = "home") =>
    openwrt.apply(home.settings, { owner, reservations, previous }, context());
  const clear = (owner = "home") =>
    openwrt.clear(home.settings, { owner, reservations: [], previous: undefined }, context());
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
  /** The sections that are ours, with their options. */
  const ours = async () => parseShow(await home.run("uci show dhcp")).filter(({ name }) => name.startsWith("piinit_"));

  before(async function () {
    home = await startOpenwrtOrSkip(this);
  });
  beforeEach(() => home.reset());
  after(() => home?.close());

  it("gives every machine its address and name, and says which", async () => {
    const told = await apply([pi1, pi2]);
    assert.deepEqual(told, ["+ pi1: b8:27:eb:00:00:01 → 192.168.2.51", "+ pi2: b8:27:eb:00:00:02 → 192.168.2.52"]);
    assert.deepEqual(
      (await ours()).map(({ name }) => name),
      ["piinit_b827eb000001", "piinit_b827eb000002"],
    );
    await served(pi1, pi2);
    assert.equal(await home.restarts(), 1);
    assert.equal(await home.run("ls /tmp"), "dhcp.leases\npiinit.lock");
  });

  it("says which file a login can't read", async function () {
    if (!isRoot) this.skip();
    await home.run("chmod 600 /etc/config/dhcp");
    try {
      await home.letBeRoot(false);
      await refusal(apply([pi1]), /may not read \/etc\/config\/dhcp: set user to one who may/);
    } finally {
      await home.run("chmod 644 /etc/config/dhcp");
    }
  });

  it("makes dnsmasq read what a run that was cut off had only written", async () => {
    await apply([pi1]);
    const [old, text] = [await home.read("/var/etc/dnsmasq.conf"), await config()];
    await home.reset();
    await home.write("/etc/config/dhcp", text);
    await apply([pi1], [pi1]);
    assert.equal(await home.read("/var/etc/dnsmasq.conf"), old);
    await served(pi1);
  });

  it("commits no changes of others that wait to be saved, and keeps them", async () => {
    await home.run("uci set dhcp.lan.limit=99");
    await apply([pi1]);
    assert.match(await config(), /option limit '51'/);
    assert.equal(await home.run("uci changes dhcp"), "dhcp.lan.limit='99'");
  });

  it("adopts an identical entry of somebody else and never removes it", async () => {
    await configure(
      `config host\n\toption name 'PI1'\n\tlist mac 'B8-27-EB-00-00-01'\n\toption ip '${pi1.ip}'\n\toption leasetime '12h'\n`,
    );
    const [count, told] = await apply([pi1]);
    assert.equal(count, "= 1 unchanged");
    assert.match(String(told), /dhcp\.@host\[0\] already says so/);
    assert.deepEqual(await ours(), []);
    await apply([pi1, pi2], [pi1]);
    await clear();
    assert.match(await config(), /B8-27-EB-00-00-01/);
  });

  it("refuses everything that contradicts entries of others at once, by name, and changes nothing", async () => {
    await configure(
      "config host 'nas'\n\toption mac 'b8:27:eb:00:00:77 b8:27:eb:00:00:76'\n\toption ip '192.168.2.52'\n",
    );
    await configure("config host\n\toption name 'x'\n\toption mac 'B8:27:EB:00:00:03'\n\toption ip 'ignore'\n");
    await home.write("/etc/ethers", "# mine\nb8:27:eb:00:00:01 192.168.2.99\n");
    await home.write("/etc/dnsmasq.conf", "dhcp-host=b8:27:eb:00:00:78,192.168.2.78,pi4\n");
    const text = await config();
    await refusal(
      apply([pi1, pi2, pi3, pi4]),
      /Nothing was changed/,
      /192\.168\.2\.52 belongs to b8:27:eb:00:00:77, b8:27:eb:00:00:76 in dhcp\.nas/,
      /b8:27:eb:00:00:03 has another entry in dhcp\.@host\[1\]/,
      /b8:27:eb:00:00:01 has another entry in \/etc\/ethers/,
      /the name pi4 belongs to b8:27:eb:00:00:78 in \/etc\/dnsmasq\.conf/,
    );
    assert.equal(await config(), text);
    assert.equal(await home.restarts(), 0);
  });

  it("refuses addresses that its DHCP does not serve", async () => {
    await refusal(apply([{ ...pi1, ip: "192.168.3.51" }]), /gives out addresses in lan \(192\.168\.2\.1\/24\).*pi1: /);
    await refusal(apply([{ ...pi1, ip: "192.168.2.1" }]), /it has these addresses itself: pi1: /);
    await home.write("/etc/config/dhcp", (await config()).replace("option start", "option ignore '1'\n\toption start"));
    await refusal(apply([pi1]), /DHCP is off for every network/);
    await home.write("/etc/config/dhcp", "config dnsmasq\n\toption disabled '1'\n");
    await refusal(apply([pi1]), /no dnsmasq, or it is disabled/);
  });

  it("writes a section again that was changed by hand, and takes no section of its name from others", async () => {
    await apply([pi1]);
    await home.run("uci set dhcp.piinit_b827eb000001.ip=192.168.2.99\nuci commit dhcp\n");
    assert.deepEqual(await openRouter(home.settings, context()).lost([pi1]), [pi1]);
    await apply([pi1], [pi1]);
    assert.deepEqual(await openRouter(home.settings, context()).lost([pi1]), []);
    await configure("config host 'piinit_b827eb000002'\n\toption mac 'b8:27:eb:00:00:07'\n\toption ip '192.168.2.7'\n");
    await refusal(apply([pi1, pi2], [pi1]), /are not of stack home: piinit_b827eb000002/);
  });

  it("puts the old settings back when the reload fails", async () => {
    await apply([pi1]);
    const text = await config();
    await home.write("/etc/reload-fails", "");
    await refusal(apply([{ ...pi1, ip: "192.168.2.61" }], [pi1]), /no reload today/, /as they were before/);
    assert.equal(await config(), text);
    await home.remove("/etc/reload-fails");
    await apply([{ ...pi1, ip: "192.168.2.61" }], [pi1]);
    await served({ ...pi1, ip: "192.168.2.61" });
  });

  it("puts the old settings back when dnsmasq does not run with the new ones, and says why it did not", async () => {
    await apply([pi1]);
    const text = await config();
    // In a file that nobody looks for, so only dnsmasq finds that the address is there twice.
    await home.write(
      "/etc/dnsmasq.base",
      `${await home.read("/etc/dnsmasq.base")}dhcp-host=b8:27:eb:00:00:79,192.168.2.61\n`,
    );
    await refusal(
      apply([{ ...pi1, ip: "192.168.2.61" }], [pi1]),
      /duplicate dhcp-host IP address 192\.168\.2\.61/,
      /reservations are as they were before/,
    );
    assert.equal(await config(), text);
    await served(pi1);
  });

  it("notices when something else changes the settings at the same time", async () => {
    const results = await Promise.allSettled([
      apply([pi1], undefined, "one"),
      apply([{ ...pi2, ip: pi1.ip }], undefined, "two"),
    ]);
    const [failed] = results.flatMap((result) => (result.status === "rejected" ? [String(result.reason.message)] : []));
    assert.match(String(failed), /something else changed|contradict/);
    assert.equal((await ours()).length, results.filter(({ status }) => status === "fulfilled").length);
    assert.match(await home.run("pidof dnsmasq"), /\d/);
  });

  it("says when no dnsmasq runs, and still removes what is ours", async () => {
    await apply([pi1]);
    await home.write("/var/etc/dnsmasq.conf", "nonsense\n");
    await home.run("killall dnsmasq\nwhile pidof dnsmasq; do sleep 0.1; done\n");
    await refusal(apply([pi2], [pi1]), /no dnsmasq runs there/);
    assert.deepEqual(await clear(), ["- pi1: b8:27:eb:00:00:01 → 192.168.2.51"]);
    assert.deepEqual(await ours(), []);
  });

  it("says when the router is none with OpenWrt", async () => {
    await home.run("mv /bin/uci /bin/uci.away");
    await refusal(apply([pi1]), /there is no uci, so this is not OpenWrt/).finally(() =>
      home.run("mv /bin/uci.away /bin/uci"),
    );
  });

  it("says what uci finds wrong with the settings", async () => {
    await home.write("/etc/config/dhcp", "config dnsmasq\n\toption 'x\n");
    await refusal(apply([pi1]), /Parse error/);
  });
});

import assert from "node:assert/strict";
import { misfits } from "../../../steps/router/base/fit.ts";
import { batchFor, hostEntries } from "../../../steps/router/drivers/openwrt/hosts.ts";
import { serviceOf } from "../../../steps/router/drivers/openwrt/served.ts";
import { parseShow } from "../../../steps/router/drivers/openwrt/uci.ts";

const pi1 = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2 = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };
const show = (...lines: string[]) => parseShow(lines.map((line) => `dhcp.${line}`).join("\n"));

describe("OpenWrt's settings", () => {
  it("are read with lists, quotes and line breaks in values", () => {
    const sections = show("@host[0]=host", "@host[0].mac='a' 'b'", "@host[0].note='it'\\''s\ndhcp.x=host'", "x=host");
    assert.deepEqual(
      sections.map(({ name, options }) => [name, Object.fromEntries(options)]),
      [
        ["@host[0]", { mac: ["a", "b"], note: ["it's\ndhcp.x=host"] }],
        ["x", {}],
      ],
    );
  });

  it("make fixed leases of sections in any spelling", () => {
    const [entry, off, none] = hostEntries(
      show(
        "@host[0]=host",
        "@host[0].mac='B8-27-EB-0-0-1 b8:27:eb:*:*:*' 'b8:27:eb:00:00:02'",
        "@host[0].name='PI1.lan'",
        "@host[0].ip='192.168.2.51'",
        "off=host",
        "off.ip='ignore'",
        "none=host",
        "none.enabled='0'",
      ),
    );
    assert.deepEqual([entry?.macs, entry?.name, entry?.ip], [[pi1.mac, pi2.mac], "pi1", "192.168.2.51"]);
    assert.deepEqual([off?.ignored, off?.ip, none?.ignored], [true, undefined, true]);
  });

  it("are changed where they differ, and in sections of the stack only", () => {
    const sections = show(
      "piinit_b827eb000001=host",
      ...["name='pi1'", "mac='b8:27:eb:00:00:01'", "ip='192.168.2.61'", "dns='1'", "piinit='home'"].map(
        (option) => `piinit_b827eb000001.${option}`,
      ),
      "piinit_b827eb000007=host",
      "piinit_b827eb000007.piinit='home'",
      "piinit_b827eb000008=host",
      "piinit_b827eb000008.piinit='other'",
    );
    assert.deepEqual(batchFor("home", sections, [pi1, pi2]), [
      "delete piinit.piinit_b827eb000007",
      "set piinit.piinit_b827eb000001.ip=192.168.2.51",
      "set piinit.piinit_b827eb000002=host",
      "set piinit.piinit_b827eb000002.name=pi2",
      "set piinit.piinit_b827eb000002.mac=b8:27:eb:00:00:02",
      "set piinit.piinit_b827eb000002.ip=192.168.2.52",
      "set piinit.piinit_b827eb000002.dns=1",
      "set piinit.piinit_b827eb000002.piinit=home",
    ]);
  });

  it("say whether an address is served, unless they don't have the network's own", () => {
    const dhcp = show("@dnsmasq[0]=dnsmasq", "lan=dhcp", "lan.interface='lan'", "wan=dhcp", "wan.ignore='1'");
    const network = (...options: string[]) => show("lan=interface", ...options.map((option) => `lan.${option}`));
    const service = (...options: string[]) =>
      serviceOf({ dhcp, network: network(...options), isRunning: true, locked: [] });
    const why = (ip: string, ...options: string[]) =>
      misfits(service(...options), { reservations: [{ ...pi1, ip }] })[0];
    for (const options of [["ipaddr='192.168.2.1'", "netmask='255.255.255.0'"], ["ipaddr='192.168.2.1/24'"]]) {
      assert.equal(why("192.168.2.51", ...options), undefined);
      assert.match(
        String(why("192.168.3.51", ...options)),
        /gives out addresses in lan \(192\.168\.2\.1\/24\), .*pi1: /,
      );
      assert.match(String(why("192.168.2.255", ...options)), /not in there/);
      assert.match(String(why("192.168.2.1", ...options)), /has these addresses itself/);
    }
    assert.equal(why("192.168.3.51", "proto='dhcp'"), undefined);
    const odhcpd = show("@dnsmasq[0]=dnsmasq", "odhcpd=odhcpd", "odhcpd.maindhcp='1'");
    assert.match(
      String(serviceOf({ dhcp: odhcpd, network: [], isRunning: true, locked: [] }).off),
      /odhcpd does instead of/,
    );
    assert.match(String(serviceOf({ dhcp, network: [], isRunning: false, locked: [] }).off), /no dnsmasq runs there/);
    const [lan] = service("ipaddr='192.168.2.1/24'").networks ?? [];
    assert.deepEqual(lan?.pools, [{ first: "192.168.2.100", last: "192.168.2.249" }]);
  });
});

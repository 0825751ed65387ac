import assert from "node:assert/strict";
import { connectedNetworks, serviceOf } from "../../../steps/router/drivers/dnsmasq/ranges.ts";

const ranges = (...values: string[]) =>
  serviceOf(
    values.map((value) => ({ name: "dhcp-range", value })),
    ["10.0.0.0/8", "192.168.2.0/23"],
  );

describe("what dnsmasq serves", () => {
  it("is read from ranges with tags, modes, netmasks and times", () => {
    const read = ranges(
      "192.168.2.100,192.168.2.199,12h",
      "set:lan,tag:!guests,192.168.9.50, 192.168.9.60,255.255.255.192,192.168.9.63,3m",
      "192.168.7.0,static,255.255.255.0,infinite",
      "172.16.0.5",
    );
    const told = read.networks?.map(({ cidr, pools }) =>
      [cidr, ...pools.flatMap((one) => Object.values(one))].join(" "),
    );
    assert.deepEqual(told, [
      "192.168.2.0/23 192.168.2.100 192.168.2.199",
      "192.168.9.0/26 192.168.9.50 192.168.9.60",
      "192.168.7.0/24",
      " 172.16.0.5 172.16.0.5",
    ]);
    assert.equal(read.off, undefined);
  });

  it("is nothing for IPv6, or for machines that only boot from there", () => {
    const read = ranges("fd00::100,fd00::200", "::,constructor:br-lan,ra-stateless", "192.168.2.0,proxy");
    assert.deepEqual(read.networks, []);
    assert.match(String(read.off), /no `dhcp-range` for IPv4/);
  });

  it("has a domain, which is the last one", () => {
    const domain = (...values: string[]) =>
      serviceOf(
        values.map((value) => ({ name: "domain", value })),
        [],
      ).domain;
    assert.equal(domain("lan", "home.lan,192.168.2.0/24,local"), "home.lan");
    assert.equal(domain("#"), undefined);
    assert.equal(domain(), undefined);
  });

  it("is in networks of the host, which the kernel tells in the processor's order of bytes", () => {
    const line = (destination: string, gateway: string, mask: string) =>
      `eth0\t${destination}\t${gateway}\t0001\t0\t0\t0\t${mask}\t0\t0\t0`;
    const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    const little = [line("0002A8C0", "00000000", "00FFFFFF"), line("8001A8C0", "00000000", "80FFFFFF")];
    const big = [line("C0A80200", "00000000", "FFFFFF00"), line("0A000000", "00000000", "FF000000")];
    const others = [header, line("00000000", "0102A8C0", "00000000"), line("00000000", "00000000", "00000000"), ""];
    assert.deepEqual(connectedNetworks([...little, ...others, ...big]), [
      "192.168.2.0/24",
      "192.168.1.128/25",
      "192.168.2.0/24",
      "10.0.0.0/8",
    ]);
  });
});

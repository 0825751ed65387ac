import assert from "node:assert/strict";
import { describeRouter, type RouterView } from "../../../cli/doctor/router.ts";
import type { CurrentLease, Entry, Reservation } from "../../../steps/router/base/driver.ts";

const machines = [
  { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" },
  { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" },
];
const stack = { cidr: "192.168.2.0/24", machines, now: 1000 };
const lease = (ip: string, mac: string, name: string): CurrentLease => ({
  ip,
  mac,
  name,
  expires: 0,
  isReserved: false,
});
const entry = ({ mac, ip, name }: Reservation): Entry => ({
  source: "a file",
  text: `${mac} ${ip} ${name}`,
  macs: [mac],
  ip,
  name,
  ignored: false,
});
const lan = { name: "lan", cidr: "192.168.2.1/24", pools: [{ first: "192.168.2.200", last: "192.168.2.250" }] };
/** A router that tells nothing of its networks, unless it is changed. */
const router = (change: Partial<RouterView> = {}): RouterView => ({
  title: "dnsmasq on router",
  leases: [],
  entries: [],
  others: [],
  service: { networks: undefined },
  ...change,
});
const refused = (view: RouterView, ...lines: string[]) =>
  assert.throws(() => describeRouter(view, stack), {
    message: ["dnsmasq on router answers, but:", ...lines.map((line) => `  ${line}`)].join("\n"),
  });

describe("doctor about the router", () => {
  it("counts the reservations that are there", () => {
    const leases = [lease("192.168.2.51", "b8:27:eb:00:00:01", "pi1")];
    assert.equal(
      describeRouter(router({ leases, entries: machines.map(entry) }), stack),
      "dnsmasq on router answers, 1 lease; 2 of 2 reservations are there",
    );
  });

  it("names what up will reserve, and whose lease is in the way", () => {
    const leases = [lease("192.168.2.52", "aa:bb:cc:00:00:01", "phone")];
    const text = describeRouter(router({ leases, entries: machines.slice(0, 1).map(entry) }), stack);
    assert.match(text, /; 1 of 2 reservations are there; `up` makes pi2: b8:27:eb:00:00:02 → 192\.168\.2\.52; /);
    assert.match(text, /192\.168\.2\.52 is still leased to aa:bb:cc:00:00:01 \(phone\) by a lease without an end/);
  });

  it("tells what the router serves, and whether machines get their names", () => {
    const text = describeRouter(router({ service: { networks: [lan], domain: "home.lan", isNameless: true } }), stack);
    assert.match(
      text,
      /; it serves lan \(192\.168\.2\.1\/24\); any machine gets one of 192\.168\.2\.200 to 192\.168\.2\.250; its domain is home\.lan; it sends machines no names/,
    );
  });

  it("refuses a network that the router does not serve, by its leases where it tells nothing else", () => {
    const leases = [lease("192.168.1.20", "aa:bb:cc:00:00:01", "phone")];
    refused(
      router({ leases }),
      "it has leases such as 192.168.1.20, and none in 192.168.2.0/24: `cidr` of `piinit:network` must be the network that it serves",
    );
    const networks = [{ ...lan, cidr: "192.168.1.1/24" }];
    refused(
      router({ service: { networks } }),
      "it serves lan (192.168.1.1/24), and the stack's network is 192.168.2.0/24: set `cidr` of `piinit:network` to the one that the machines are in",
    );
    assert.match(describeRouter(router({ leases, service: { networks: [lan] } }), stack), /0 of 2 reservations/);
  });

  it("tells everything that keeps the router from serving the machines, with entries of others", () => {
    const others = [entry({ name: "nas", mac: "aa:bb:cc:00:00:07", ip: "192.168.2.52" })];
    const keeping = { ...lan, keepsPools: true, pools: [{ first: "192.168.2.50", last: "192.168.2.51" }] };
    refused(
      router({ others, entries: others, service: { networks: [keeping] } }),
      "it gives 192.168.2.50 to 192.168.2.51 to any machine and can't reserve them: pi1: b8:27:eb:00:00:01 → 192.168.2.51. Make that range smaller there, or give the machines other addresses",
      'an entry there contradicts this stack: pi2: b8:27:eb:00:00:02 → 192.168.2.52: 192.168.2.52 belongs to aa:bb:cc:00:00:07 in a file ("aa:bb:cc:00:00:07 192.168.2.52 nas")',
    );
    refused(
      router({ service: { networks: [lan], off: "DHCP is off. Turn it on there" } }),
      "it gives out no addresses: DHCP is off. Turn it on there",
    );
  });
});

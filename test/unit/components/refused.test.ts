import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";
import { faultsOf, home, machine, router } from "./home.ts";

describe("settings that can't be", () => {
  const refused: [string, object, RegExp][] = [
    [
      "two servers",
      { machines: [machine(1), machine(2)] },
      /piinit:machines {2}must have three Consul servers, or five: 2 can't lose one/,
    ],
    [
      "four servers",
      { machines: [machine(1), machine(2), machine(3), machine(4)] },
      /piinit:machines {2}must have an odd number of Consul servers: 4 survive no more failures than 3/,
    ],
    [
      "no server at all",
      { images: { server: { board: "pi3", roles: { consul: "client" } } } },
      /piinit:machines {2}must have a Consul server/,
    ],
    [
      "a name twice",
      { machines: [machine(1), machine(2), machine(3, { name: "pi1" })] },
      /machines\[2\]\.name {2}pi1 must be unique: machines\[0\]/,
    ],
    [
      "a MAC twice, written in another case",
      { machines: [machine(1), machine(2), machine(3, { mac: "B8:27:EB:00:00:01" })] },
      /machines\[2\]\.mac {2}b8:27:eb:00:00:01 must be unique: machines\[0\]/,
    ],
    ["an IP twice", { machines: [machine(1), machine(2), machine(3, { ip: "192.168.2.51" })] }, /machines\[2\]\.ip/],
    [
      "an IP outside the network",
      { machines: [machine(1), machine(2), machine(3, { ip: "192.168.3.53" })] },
      /machines\[2\]\.ip {2}192\.168\.3\.53 must be a host address of the network 192\.168\.2\.0\/24/,
    ],
    [
      "the broadcast address",
      { machines: [machine(1), machine(2), machine(3, { ip: "192.168.2.255" })] },
      /machines\[2\]\.ip {2}192\.168\.2\.255 must be a host address/,
    ],
    [
      "an image that is not defined",
      { machines: [machine(1), machine(2), machine(3), machine(5, { image: "monitor" })] },
      /machines\[3\]\.image {2}monitor must be one of the images: server$/m,
    ],
    [
      "Nomad on a 32-bit board",
      { images: { server: { board: "pi2", roles: { consul: "server", nomad: "both" } } } },
      /images\.server\.roles\.nomad {2}must be left out: pi2 is a 32-bit board/,
    ],
    [
      "a name that is no host name",
      { machines: [machine(1, { name: "Pi_1" }), machine(2), machine(3)] },
      /machines\[0\]\.name/,
    ],
    [
      "a setting that does not exist",
      { colour: "red" },
      /piinit:colour {2}is unknown: must be datacenter, .* or wait$/m,
    ],
    [
      "a lab board outside the lab",
      { images: { server: { board: "lab", roles: { consul: "server" } } } },
      /server\.board {2}lab must be a real board/,
    ],
    [
      "jobs without a machine to run them",
      { images: { server: { board: "pi3", roles: { consul: "server" } } }, jobs: { a: { file: "a.hcl" } } },
      /piinit:jobs {2}must have a machine to run on/,
    ],
    ["no network", { network: undefined }, /piinit:network {2}is missing/],
    [
      "a router that ssh takes for an option",
      router({ host: "-v" }),
      /router\.host {2}-v must be the router's name or/,
    ],
    [
      "a folder that a shell reads otherwise",
      router({ hostsDir: "/x'y" }),
      /router\.hostsDir {2}\/x'y must be an absolute/,
    ],
    ["half a host key", router({ hostKey: "ssh-ed25519" }), /router\.hostKey {2}ssh-ed25519 must be a public host key/],
    [
      "a kind of router that there isn't",
      router({ kind: "speedport" }),
      /router\.kind {2}speedport must be dnsmasq, .*manual$/m,
    ],
    [
      "a router without its password",
      { network: { cidr: "192.168.2.0/24", router: { kind: "pihole", url: "https://192.168.2.2" } } },
      /network\.router\.password {2}is missing; set it: \.\/piinit secret network\.router\.password /,
    ],
    [
      "a fingerprint where there is no certificate",
      {
        network: {
          cidr: "192.168.2.0/24",
          router: { kind: "pihole", url: "http://192.168.2.2", fingerprint: "00".repeat(32), password: "x" },
        },
      },
      /network\.router\.fingerprint .*must be left out with http:/,
    ],
    [
      "a Kea that is reached by no way",
      { network: { cidr: "192.168.2.0/24", router: { kind: "kea", persist: true } } },
      /network\.router\.url {2}must be set, or else host, for Kea's UNIX socket over SSH/,
    ],
    [
      "a Kea that is reached by two ways",
      {
        network: {
          cidr: "192.168.2.0/24",
          router: { kind: "kea", persist: true, url: "http://192.168.2.1:8000", host: "192.168.2.1" },
        },
      },
      /network\.router\.host {2}\S+ must be left out with url/,
    ],
    [
      "a password in a router's address",
      {
        network: {
          cidr: "192.168.2.0/24",
          router: { kind: "pihole", url: "https://a:hunter2@pi.hole", password: "x" },
        },
      },
      /network\.router\.url .*must be https/,
    ],
    [
      "a network without its length",
      { network: { cidr: "192.168.2.0" } },
      /cidr {2}192\.168\.2\.0 must be a network such as [^\n]*$/,
    ],
    [
      "a builder that ssh would take for an option",
      { builder: { ssh: "-oProxyCommand=x" } },
      /builder\.ssh {2}-oProxyCommand=x must be USER@HOST/,
    ],
    ["a wait without a unit", { wait: "10" }, /piinit:wait {2}10 must be a duration/],
    [
      "a private key in place of a public one",
      { images: { server: { board: "pi3", roles: { consul: "server", ssh: { keys: ["-----BEGIN"] } } } } },
      /ssh\.keys\[0\] {2}-----BEGIN must be a public key/,
    ],
  ];
  for (const [what, more, message] of refused) {
    it(`are refused with the path and the reason: ${what}`, () => assert.match(faultsOf(home(more)), message));
  }

  it("are told without the values of secret settings", () => {
    const settings = home({
      wait: "hush-hush",
      machines: [machine(1, { mac: "se:cr:et" }), machine(2), machine(3)],
      kv: { a: ["hidden"] },
    });
    const messageOf = (...secret: string[]) => {
      try {
        parseSettings(settings, "home", { secret: new Set(secret) });
      } catch (error) {
        return String(error);
      }
      return assert.fail();
    };
    const open = messageOf();
    for (const text of ["hush-hush", "se:cr:et"]) assert.ok(open.includes(text), open);
    const kept = messageOf("wait", "machines");
    assert.match(kept, /piinit:machines\[0\]\.mac {2}must be a MAC address/);
    for (const text of ["hush-hush", "se:cr:et"]) assert.ok(!kept.includes(text), kept);
  });

  it("are told all at once", () => {
    const message = faultsOf({
      ...home(),
      wait: "soon",
      datacenter: "Home Sweet Home",
      machines: [machine(1)],
    });
    for (const path of ["piinit:wait", "piinit:datacenter", "or five: 1 can't lose one"])
      assert.ok(message.includes(path), message);
  });

  it("may be fewer or an even number of servers in the lab", () => {
    const images = { server: { board: "lab", roles: { consul: "server" } } };
    assert.equal(parseSettings(home({ lab: {}, images, machines: [machine(1)] }), "lab").machines.length, 1);
  });

  it("may not take the lab router's address or a network too large for its ports", () => {
    const images = { server: { board: "lab", roles: { consul: "server" } } };
    const lab = home({ lab: {}, images, machines: [machine(1, { ip: "192.168.2.1" })] });
    assert.match(faultsOf(lab), /machines\[0\]\.ip {2}192\.168\.2\.1 must be unique: the router has it too/);
    assert.match(
      faultsOf({ ...lab, network: { cidr: "192.168.0.0/16" } }),
      /network\.cidr {2}192\.168\.0\.0\/16 must be a \/24 or smaller in a lab/,
    );
  });
});

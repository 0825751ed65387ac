import assert from "node:assert/strict";
import { faultsOf, home, machine } from "./home.ts";

const linesOf = (settings: object) => faultsOf(settings).split("\n").slice(1);
const withRoles = (roles: object, more: object = {}) =>
  home({ images: { server: { board: "pi3", roles: { consul: "server", ...roles }, ...more } } });

describe("a message about a setting", () => {
  const messages: [string, object, string][] = [
    [
      "shows the value, then what it must be",
      home({ machines: [machine(1, { mac: "zz:zz" }), machine(2), machine(3)] }),
      "machines[0].mac  zz:zz must be a MAC address such as b8:27:eb:01:02:03",
    ],
    [
      "shows an empty text in quotes",
      home({ datacenter: "" }),
      'datacenter  "" must have lower-case letters, digits, hyphens and underscores only',
    ],
    ["calls a list a list", home({ network: [] }), "network  this list must be a map"],
    ["does so where a secret may be in it", home({ images: { server: [] } }), "images.server  this list must be a map"],
    ["calls a map a map", home({ wait: {} }), "wait  this map must be a text"],
    ["says of a name without a value that it is empty", home({ kv: null }), "kv  an empty value must be a map"],
    ["names what is missing", home({ network: {} }), "network.cidr  is missing"],
    [
      "says the same of a kind",
      home({ network: { cidr: "10.0.0.0/24", router: {} } }),
      "network.router.kind  is missing",
    ],
    [
      "says how to set a secret that is missing",
      withRoles({ wifi: { ssid: "home", country: "DE" } }),
      "images.server.roles.wifi.passphrase  is missing; set it: ./piinit secret images.server.roles.wifi.passphrase home",
    ],
    [
      "shows no text that is long or has several lines",
      home({ wait: "a\nb" }),
      "wait  must be a duration such as 90s, 10m or 1h",
    ],
  ];
  for (const [what, settings, line] of messages)
    it(what, () => assert.ok(linesOf(settings).includes(`  piinit:${line}`), linesOf(settings).join("\n")));

  const meant: [string, object, string][] = [
    ["a setting", home({ netwrok: 1 }), "netwrok  is unknown; did you mean `network`?"],
    ["a role", withRoles({ promtheus: true }), "images.server.roles.promtheus  is unknown; did you mean `prometheus`?"],
    [
      "an option of a role",
      withRoles({ nomad: { role: "both", dokcer: true } }),
      "images.server.roles.nomad.dokcer  is unknown; did you mean `docker`?",
    ],
    [
      "a board",
      withRoles({}, { board: "pi33" }),
      "images.server.board  pi33 must be lab, amd64, arm64, pi2, pi3, pi4, pi5 or pi-zero; did you mean `pi3`?",
    ],
    [
      "an image",
      home({ machines: [machine(1, { image: "sever" }), machine(2), machine(3)] }),
      "machines[0].image  sever must be one of the images: server; did you mean `server`?",
    ],
    [
      "a kind of router",
      home({ network: { cidr: "192.168.2.0/24", router: { kind: "dnsmask" } } }),
      "network.router.kind  dnsmask must be dnsmasq, openwrt, kea, pihole, adguard, routeros, opnsense, pfsense, unifi, fritzbox or manual; did you mean `dnsmasq`?",
    ],
  ];
  for (const [what, settings, line] of meant)
    it(`asks whether a near miss was meant: ${what}`, () =>
      assert.ok(linesOf(settings).includes(`  piinit:${line}`), linesOf(settings).join("\n")));
});

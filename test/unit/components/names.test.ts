import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";
import { serversOf } from "../../../steps/image/roles/servers.ts";
import { faultsOf, home, machine } from "./home.ts";

describe("names in the settings", () => {
  const labHome = (machineMore: object, images: object = {}) => {
    const server = { board: "lab", roles: { consul: "server" } };
    return home({ lab: {}, images: { server, ...images }, machines: [machine(1, machineMore)] });
  };

  const refused: [string, object, RegExp][] = [
    [
      "the lab router's name",
      labHome({ name: "router" }),
      /machines\[0\]\.name {2}router must be unique: the router has it too/,
    ],
    [
      "the lab router's MAC",
      labHome({ mac: "52:54:00:00:00:01" }),
      /machines\[0\]\.mac {2}\S+ must be unique: the router has it too/,
    ],
    [
      "the MAC of the lab router's other card",
      labHome({ mac: "52:54:00:00:00:02" }),
      /machines\[0\]\.mac {2}\S+ must be unique: the router has it too/,
    ],
    [
      "the lab router's image",
      labHome({}, { router: { board: "lab", roles: {} } }),
      /images\.router {2}must have another name: the image of the lab's router/,
    ],
    [
      "a home router's address",
      home({
        network: {
          cidr: "192.168.2.0/24",
          router: { kind: "dnsmasq", host: "192.168.2.52", hostsDir: "/etc/hosts.d" },
        },
      }),
      /machines\[1\]\.ip {2}192\.168\.2\.52 must be unique: the router has it too/,
    ],
    [
      "dnsmasq's keyword ignore",
      labHome({ name: "ignore" }),
      /machines\[0\]\.name {2}ignore must be another name: dnsmasq takes/,
    ],
    ["dnsmasq's keyword infinite", labHome({ name: "infinite" }), /must be another name: dnsmasq takes/],
    ["the name of every machine", labHome({ name: "localhost" }), /must be another name: every machine/],
    [
      "the address of a group",
      labHome({ mac: "01:00:5e:00:00:01" }),
      /machines\[0\]\.mac {2}01:00:5e:00:00:01 must be the address of one/,
    ],
    [
      "an image that every object has",
      labHome({ image: "constructor" }),
      /constructor must be one of the images: server/,
    ],
    [
      "a key of JavaScript's own",
      JSON.parse(JSON.stringify(home({ kv: { x: "1" } })).replace('"x"', '"__proto__"')),
      /kv\.__proto__ {2}must have another name/,
    ],
  ];
  for (const [what, settings, message] of refused)
    it(`are refused: ${what}`, () => assert.match(faultsOf(settings), message));

  it("may be what every JavaScript object has", () => {
    const image = { board: "pi3", roles: { consul: "server", nomad: "both" } };
    const settings = parseSettings(
      home({
        images: { constructor: image },
        machines: [1, 2, 3].map((number) => machine(number, { image: "constructor" })),
        kv: { toString: "a" },
        jobs: { constructor: { file: "jobs/page.nomad.hcl" } },
      }),
      "home",
    );
    assert.equal(serversOf(settings, "nomad").length, 3);
    assert.deepEqual(Object.keys(settings.kv), ["toString"]);
    assert.deepEqual(Object.keys(settings.jobs), ["constructor"]);
  });

  it("may be the lab router's in a home", () => {
    const settings = parseSettings(
      home({ machines: [machine(1), machine(2), machine(3, { name: "router" })] }),
      "home",
    );
    assert.equal(settings.machines[2]?.name, "router");
  });
});

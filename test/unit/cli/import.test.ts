import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { convert, machinesToAskFor } from "../../../cli/import/home-stack.ts";
import { askForMachines, parseLine, parseMachines } from "../../../cli/import/machine-lines.ts";
import { readVariables } from "../../../cli/import/packer-variables.ts";
import { isShippedExample } from "../../../cli/import.ts";
import { parseSettings } from "../../../components/settings.ts";
import { UserError } from "../../../lib/errors.ts";
import { projectDir } from "../../../lib/paths.ts";

const servers = { consul: "server", nomad: "server", promarch: "linux-armv7" };
const monitor = {
  wifi_name: "Home Sweet",
  wifi_password: "correct horse",
  consul: "client",
  dnsmasq: "true",
  promarch: "linux-armv6",
  prometheus: "true",
  corehosts: "pi1,pi2,pi3",
  terraform: "true",
};
const machines = [1, 2, 3, 4].map((n) => ({
  name: n < 4 ? `pi${n}` : "zero1",
  mac: `b8:27:eb:00:00:0${n}`,
  ip: `192.168.2.5${n}`,
}));

const read = (...contents: object[]) =>
  readVariables(contents.map((content, index) => ({ name: `file${index + 1}.json`, text: JSON.stringify(content) })));
const imported = (...contents: object[]) => {
  const { images, faults } = read(...contents);
  assert.deepEqual(faults, []);
  return convert(images, machines, "DE");
};
const rolesOf = ({ settings }: ReturnType<typeof convert>, image: string) =>
  (settings.images as Record<string, { board: string; roles: Record<string, unknown> }>)[image];

describe("the original's variable files", () => {
  it("make the original's own set-up", () => {
    const converted = imported(servers, monitor);
    assert.deepEqual(converted.settings, {
      network: { cidr: "192.168.2.0/24", router: { kind: "manual" } },
      images: {
        server: { board: "pi3", roles: { consul: "server", nomad: "both", "node-exporter": true } },
        monitor: {
          board: "pi-zero",
          roles: {
            consul: "client",
            dnsmasq: "machine",
            prometheus: true,
            terraform: true,
            "node-exporter": true,
            wifi: { ssid: "Home Sweet", country: "DE" },
          },
        },
      },
      machines: machines.map((machine, index) => ({ ...machine, image: index < 3 ? "server" : "monitor" })),
    });
    assert.deepEqual(converted.secrets, [{ path: "images.monitor.roles.wifi.passphrase", value: "correct horse" }]);
  });

  it("never show the Wi-Fi's password, whatever becomes of them", () => {
    const converted = imported(servers, monitor);
    const { faults } = read({ ...monitor, wifi_name: "", promarch: "correct horse" });
    const { faults: broken } = readVariables([{ name: "a.json", text: '{"wifi_password": "correct horse' }]);
    const told = JSON.stringify([{ ...converted, secrets: [] }, faults, broken]);
    assert.ok(!told.includes("correct horse"), told);
  });

  it("take the servers' file alone, with numbers and truths in place of texts", () => {
    const converted = imported({ ...servers, prometheus: true, terraform: false, dnsmasq: 1 });
    assert.deepEqual(Object.keys(converted.settings.images as object), ["server"]);
    assert.deepEqual(rolesOf(converted, "server")?.roles, {
      consul: "server",
      nomad: "both",
      dnsmasq: "machine",
      prometheus: true,
      "node-exporter": true,
    });
  });

  it("may come in any order", () => {
    assert.deepEqual(imported(monitor, servers).settings, imported(servers, monitor).settings);
  });

  it("take the settings that later took the variables' place", () => {
    const later = {
      ...servers,
      CoreServers: ["192.168.7.11", "192.168.7.12", "192.168.7.13"],
      CoreCidr: "192.168.7.0/24",
      WifiSsid: "Home",
      WifiPsk: "ab".repeat(32),
      ConsulSerfEncrypt: "qPUu/jorv+j6SQchaRJfMQ==",
    };
    const converted = imported(later);
    assert.deepEqual(converted.settings.network, { cidr: "192.168.7.0/24", router: { kind: "manual" } });
    assert.deepEqual(converted.secrets, [{ path: "images.server.roles.wifi.passphrase", value: "ab".repeat(32) }]);
    assert.ok(!JSON.stringify(converted.settings).includes("qPUu"));
    assert.match(converted.notCarriedOver.join("\n"), /ConsulSerfEncrypt: new gossip keys are made/);
    assert.deepEqual(
      machinesToAskFor(read(later).images).map(({ name, ip }) => `${name} ${ip}`),
      ["pi1 192.168.7.11", "pi2 192.168.7.12", "pi3 192.168.7.13"],
    );
  });

  it("tell what could not be carried over, unknown variables too", () => {
    const { notCarriedOver } = imported(
      { ...servers, home: "/home/me", colour: "red" },
      { ...monitor, nomad: "client", corehosts: "pi1,pi2,pi9" },
    );
    const told = notCarriedOver.join("\n");
    for (const expected of [
      /^file1\.json: home: /m,
      /^file1\.json: colour: not a variable that piinit knows$/m,
      /^file2\.json: nomad: there is no Nomad for this 32-bit board/m,
      /^corehosts: pi9: no such machine was given$/m,
      /^gossip key: /m,
    ]) {
      assert.match(told, expected);
    }
  });

  it("have all their faults told at once, each with file and variable", () => {
    const { faults } = readVariables([
      { name: "a.json", problem: "does not exist" },
      { name: "b.json", text: "home = yes" },
      { name: "c.json", text: "[1]" },
      {
        name: "d.json",
        text: JSON.stringify({ consul: "sever", dnsmasq: "false", promarch: "linux-mips", corehosts: {} }),
      },
      { name: "e.json", text: JSON.stringify({ wifi_name: "Home" }) },
    ]);
    assert.deepEqual(faults, [
      "a.json does not exist",
      "b.json is no JSON file with an object of variables",
      "c.json is no JSON file with an object of variables",
      "d.json: consul is server, client, or empty",
      'd.json: dnsmasq is "true" (on) or empty (off)',
      "d.json: promarch is linux-armv6, linux-armv7, or empty",
      "d.json: corehosts is a list with commas",
      "e.json: Wi-Fi needs both, wifi_name and wifi_password",
    ]);
  });

  it("need one file of servers, and not two", () => {
    assert.match(read(monitor).faults.join(), /file1\.json: no Consul server/);
    assert.match(read(servers, servers).faults.join(), /file1\.json and file2\.json: both have consul=server/);
  });
});

describe("the machines of an import", () => {
  it("are given as options", () => {
    assert.deepEqual(parseMachines(["pi1=B8-27-EB-00-00-01,192.168.2.51", "a=b8:27:eb:00:00:02,10.0.0.2,monitor"]), [
      { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51", image: undefined },
      { name: "a", mac: "b8:27:eb:00:00:02", ip: "10.0.0.2", image: "monitor" },
    ]);
  });

  it("are refused all at once where an option is none", () => {
    const wrong = ["pi1", "pi1=b8:27:eb:00:00,192.168.2.51", "pi1=b8:27:eb:00:00:01,192.168.2.510"];
    assert.throws(
      () => parseMachines(["pi2=b8:27:eb:00:00:01,192.168.2.51", ...wrong]),
      (error) => error instanceof UserError && wrong.every((option) => error.message.includes(`\n  ${option}`)),
    );
  });

  it("are proposed by name and address, and asked for until the answer is right", async () => {
    const proposed = machinesToAskFor(read(servers, monitor).images);
    assert.deepEqual(
      proposed.map(({ name, ip, image }) => `${name} ${ip} ${image}`),
      ["pi1 192.168.2.51 server", "pi2 192.168.2.52 server", "pi3 192.168.2.53 server", "zero1 192.168.2.54 monitor"],
    );
    const lines = [
      "b8:27:eb:00:00:01",
      "no idea",
      "B8:27:EB:00:00:02 192.168.2.62",
      "b8:27:eb:00:00:03",
      "mon b8:27:eb:00:00:04, 192.168.2.50",
    ];
    const asked: string[] = [];
    const answers = await askForMachines(proposed, async (question) => {
      asked.push(question);
      return lines.shift() ?? "";
    });
    assert.deepEqual(
      answers.map(({ name, mac, ip, image }) => [name, mac, ip, image].join(" ")),
      [
        "pi1 b8:27:eb:00:00:01 192.168.2.51 server",
        "pi2 b8:27:eb:00:00:02 192.168.2.62 server",
        "pi3 b8:27:eb:00:00:03 192.168.2.53 server",
        "mon b8:27:eb:00:00:04 192.168.2.50 monitor",
      ],
    );
    assert.match(asked[2] ?? "", /^there is no MAC address/);
  });

  const proposals = (...contents: object[]) =>
    machinesToAskFor(read(...contents).images).map(({ name, ip }) => `${name} ${ip}`);

  it("are never proposed an address or a name twice", () => {
    assert.deepEqual(proposals(servers, { ...monitor, corehosts: "pi1,pi2,pi3,pi4" }), [
      "pi1 192.168.2.51",
      "pi2 192.168.2.52",
      "pi3 192.168.2.53",
      "pi4 192.168.2.54",
      "zero1 192.168.2.55",
    ]);
    assert.deepEqual(proposals(servers, { ...monitor, corehosts: "zero1,zero1,192.168.2.51,192.168.2.51,pi2,pi3" }), [
      "zero1 192.168.2.51",
      "pi2 192.168.2.52",
      "pi3 192.168.2.53",
      "zero2 192.168.2.54",
    ]);
    const four = ["192.168.7.54", "192.168.7.53", "192.168.7.52", "192.168.7.51"];
    assert.deepEqual(proposals({ ...servers, CoreServers: four }, { ...monitor, corehosts: "" }), [
      ...four.map((ip, index) => `pi${index + 1} ${ip}`),
      "zero1 192.168.7.55",
    ]);
  });

  it("are proposed addresses of their own network, however small", () => {
    const inNetwork = (CoreCidr: string) => proposals({ ...servers, CoreCidr }, { ...monitor, corehosts: "" });
    const [, ...rest] = ["", "pi1", "pi2", "pi3", "zero1"];
    assert.deepEqual(
      inNetwork("10.0.0.0/8"),
      rest.map((name, index) => `${name} 10.0.0.${51 + index}`),
    );
    assert.deepEqual(
      inNetwork("10.1.2.48/29"),
      rest.map((name, index) => `${name} 10.1.2.${50 + index}`),
    );
    assert.deepEqual(
      inNetwork("10.1.2.0/26"),
      rest.map((name, index) => `${name} 10.1.2.${51 + index}`),
    );
    assert.deepEqual(inNetwork("192.168.9.0/30"), [
      "pi1 192.168.9.2",
      "pi2 undefined",
      "pi3 undefined",
      "zero1 undefined",
    ]);
  });

  it("are asked for again at once when another one has that already, or there is no address", async () => {
    const lines = [
      "b8:27:eb:00:00:01 192.168.2.52",
      "b8:27:eb:00:00:02",
      "b8:27:eb:00:00:01 192.168.2.53",
      "pi1 b8:27:eb:00:00:02 192.168.2.53",
      "b8:27:eb:00:00:02 192.168.2.53",
      "b8:27:eb:00:00:03",
      "b8:27:eb:00:00:03 192.168.2.54",
    ];
    const asked: string[] = [];
    const proposed = [
      { name: "pi1", ip: "192.168.2.51" },
      { name: "pi2", ip: "192.168.2.52" },
      { name: "pi3", ip: undefined },
    ];
    const machines = await askForMachines(proposed, async (question) => {
      asked.push(question.split(/[:.,] /)[0] ?? "");
      return lines.shift() ?? assert.fail("asked too often");
    });
    assert.deepEqual(
      machines.map(({ name, ip }) => `${name} ${ip}`),
      ["pi1 192.168.2.52", "pi2 192.168.2.53", "pi3 192.168.2.54"],
    );
    assert.deepEqual(asked, [
      "pi1 at 192.168.2.51",
      "pi2 at 192.168.2.52",
      "192.168.2.52 is pi1's already",
      "b8:27:eb:00:00:01 is pi1's already",
      "there is a pi1 already",
      "pi3",
      "the network has no address left",
    ]);
  });

  it("are one for each line", () => {
    const [proposed = { name: "", ip: "" }] = machinesToAskFor(read(servers).images);
    assert.equal(typeof parseLine("b8:27:eb:00:00:01 b8:27:eb:00:00:02", proposed), "string");
  });
});

describe("the stack home", () => {
  const file = parse(readFileSync(path.join(projectDir, "stacks", "Pulumi.home.yaml"), "utf8"));
  const raw = (): Record<string, unknown> =>
    structuredClone(
      Object.fromEntries(
        Object.entries(file.config as object).map(([key, value]) => [key.replace("piinit:", ""), value]),
      ),
    );

  it("is right as it is checked in, but for the Wi-Fi's passphrase, and says how to set that", () => {
    assert.throws(
      () => parseSettings(raw(), "home"),
      new UserError(
        "The settings of stack home (stacks/Pulumi.home.yaml) can't be used:\n" +
          "  piinit:images.monitor.roles.wifi.passphrase  is missing; set it: ./piinit secret images.monitor.roles.wifi.passphrase home",
      ),
    );
    const settings = raw();
    (settings.images as { monitor: { roles: { wifi: object } } }).monitor.roles.wifi = {
      ssid: "Home",
      country: "DE",
      passphrase: "correct horse",
    };
    assert.deepEqual(Object.keys(parseSettings(settings, "home").images), ["server", "monitor"]);
  });

  it("lets the servers' image be built without that passphrase, and not the monitor's", () => {
    assert.equal(parseSettings(raw(), "home", { onlyImage: "server" }).machines.length, 4);
    assert.throws(() => parseSettings(raw(), "home", { onlyImage: "monitor" }), /wifi\.passphrase {2}is missing/);
    assert.throws(
      () => parseSettings({ ...raw(), images: { monitor: null } }, "home", { onlyImage: "server" }),
      /images\.monitor {2}/,
    );
  });

  it("is the original's set-up, as an import makes it", () => {
    const { settings } = imported(servers, monitor);
    const { images } = raw() as { images: { monitor: { roles: { wifi: object } } } };
    images.monitor.roles.wifi = { ssid: "Home Sweet", country: "DE" };
    assert.deepEqual(images, settings.images);
  });

  it("gives way to an import as long as nothing in it has been changed", () => {
    assert.ok(
      isShippedExample(file.config),
      "the example has other settings now: put their digest into isShippedExample in cli/import.ts",
    );
    assert.ok(!isShippedExample({ ...file.config, "piinit:wait": "21m" }));
  });
});

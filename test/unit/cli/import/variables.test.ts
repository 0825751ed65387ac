import assert from "node:assert/strict";
import { machinesToAskFor } from "../../../../cli/import/home-stack.ts";
import { readVariables } from "../../../../cli/import/packer-variables.ts";
import { imported, machines, monitor, read, rolesOf, servers } from "./original.ts";

describe("the original's variable files", () => {
  it("become the original's own setup", () => {
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

  it("never show the Wi-Fi's password, whatever they contain", () => {
    const converted = imported(servers, monitor);
    const { faults } = read({ ...monitor, wifi_name: "", promarch: "correct horse" });
    const { faults: broken } = readVariables([{ name: "a.json", text: '{"wifi_password": "correct horse' }]);
    const told = JSON.stringify([{ ...converted, secrets: [] }, faults, broken]);
    assert.ok(!told.includes("correct horse"), told);
  });

  it("may be the servers' file alone, with numbers and booleans instead of strings", () => {
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

  it("may be the settings that later replaced the variables", () => {
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
    assert.match(converted.notCarriedOver.join("\n"), /ConsulSerfEncrypt: new gossip keys are generated/);
    assert.deepEqual(
      machinesToAskFor(read(later).images).map(({ name, ip }) => `${name} ${ip}`),
      ["pi1 192.168.7.11", "pi2 192.168.7.12", "pi3 192.168.7.13"],
    );
  });

  it("report what is not carried over, including unknown variables", () => {
    const { notCarriedOver } = imported(
      { ...servers, home: "/home/me", colour: "red" },
      { ...monitor, nomad: "client", corehosts: "pi1,pi2,pi9" },
    );
    const told = notCarriedOver.join("\n");
    for (const expected of [
      /^file1\.json: home: /m,
      /^file1\.json: colour: unknown variable$/m,
      /^file2\.json: nomad: Nomad has had no releases for this 32-bit board/m,
      /^corehosts: pi9: no machine of that name was given$/m,
      /^gossip key: /m,
    ]) {
      assert.match(told, expected);
    }
  });

  it("have all their faults reported at once, each with file and variable", () => {
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
      "b.json is not a JSON file with an object of variables",
      "c.json is not a JSON file with an object of variables",
      "d.json: consul must be server, client or empty",
      'd.json: dnsmasq must be "true" (on) or empty (off)',
      "d.json: promarch must be linux-armv6, linux-armv7 or empty",
      "d.json: corehosts must be a list separated by commas",
      "e.json: Wi-Fi needs both wifi_name and wifi_password",
    ]);
  });

  it("must include one file of servers, not two", () => {
    assert.match(read(monitor).faults.join(), /file1\.json: no Consul server/);
    assert.match(read(servers, servers).faults.join(), /file1\.json and file2\.json: both have consul=server/);
  });
});

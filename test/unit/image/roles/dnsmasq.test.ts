import assert from "node:assert/strict";
import { imageWith, jsonOf, linkOf, settingsOf, textOf } from "./fixture.ts";

const machine = imageWith({ dnsmasq: "machine" });
const lan = imageWith({ dnsmasq: "lan" });
const linesOf = (image: typeof machine) => textOf(image, "/etc/dnsmasq.conf").trim().split("\n");

describe("the role dnsmasq", () => {
  it("answers this machine only, or the networks that the machine is in", () => {
    assert.ok(linesOf(machine).includes("listen-address=127.0.0.1"));
    assert.ok(!linesOf(machine).includes("local-service"));
    assert.ok(linesOf(lan).includes("local-service"));
    assert.ok(!linesOf(lan).some((line) => line.startsWith("listen-address")));
  });

  it("asks Consul for .consul and the lease's servers for the rest", () => {
    for (const image of [machine, lan]) {
      assert.ok(linesOf(image).includes("server=/consul/127.0.0.1#8600"));
      assert.ok(linesOf(image).includes("resolv-file=/run/systemd/resolve/resolv.conf"));
    }
  });

  it("leaves resolved's own address alone, and starts after it", () => {
    const unit = textOf(lan, "/etc/systemd/system/dnsmasq.service");
    assert.ok(linesOf(lan).includes("bind-dynamic"));
    assert.match(settingsOf(unit, "After").join(" "), /systemd-resolved\.service/);
    assert.deepEqual(settingsOf(unit, "Restart"), ["always"]);
    assert.deepEqual(settingsOf(unit, "StartLimitIntervalSec"), ["0"]);
    assert.ok(linkOf(lan, "/etc/systemd/system/multi-user.target.wants/dnsmasq.service"));
  });

  it("is asked by the machine's own resolver, for .consul only", () => {
    const resolved = textOf(machine, "/etc/systemd/resolved.conf.d/consul.conf");
    assert.deepEqual(settingsOf(resolved, "DNS"), ["127.0.0.1"]);
    assert.deepEqual(settingsOf(resolved, "Domains"), ["~consul"]);
    assert.equal(linkOf(machine, "/etc/resolv.conf"), "../run/systemd/resolve/stub-resolv.conf");
  });

  it("never is a DHCP server", () => {
    for (const image of [machine, lan]) assert.ok(!linesOf(image).some((line) => /dhcp|enable-ra/.test(line)));
  });

  it("is registered in Consul where others may use it", () => {
    assert.equal(jsonOf(lan, "/etc/consul.d/dnsmasq.json").service.port, 53);
    assert.ok(!machine.files.some(({ path }) => path === "/etc/consul.d/dnsmasq.json"));
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { layerNames } from "../../../../steps/image/layers/layer-names.ts";
import { layers, type Manifest } from "../../../../steps/image/manifest/manifest.ts";
import { fileOf, home, imageWith, settingsOf, textOf } from "./fixture.ts";

const image = imageWith({});
const noNames = imageWith({}, { context: { ...home, machines: [] } });
const wire = { index: 2, name: "eth0", mac: "b8:27:eb:00:00:01" };
const radio = { index: 3, name: "wlan0", mac: "b8:27:eb:00:00:02", wireless: true };
type Card = { index: number; name: string; mac: string; wireless?: boolean };

/** A machine's /run, /sys and /proc in a folder, with the image's own script at work in it. */
class Machine {
  readonly dir = mkdtempSync(path.join(tmpdir(), "piinit-identity-"));

  constructor(cards: (Card & { cable?: boolean })[]) {
    for (const { index, name, mac, wireless, cable } of cards) {
      this.write(`/sys/class/net/${name}/ifindex`, `${index}\n`);
      this.write(`/sys/class/net/${name}/address`, `${mac}\n`);
      this.write(`/sys/class/net/${name}/carrier`, cable ? "1\n" : "0\n");
      this.write(`/sys/class/net/${name}/device/uevent`, "");
      if (wireless) this.write(`/sys/class/net/${name}/phy80211/name`, "phy0\n");
    }
    this.write("/proc/sys/kernel/hostname", "localhost\n");
    this.write("/run/systemd/netif/leases/.keep", "");
    this.write("/bin/systemctl", `#!/bin/sh\necho "$*" >>${this.dir}/systemctl.log\n`);
    // Its answers: "ADDRESS SERVER NAME" lines.
    this.write("/dns", "");
    this.write(
      "/bin/busybox",
      `#!/bin/sh\necho "$*" >>${this.dir}/busybox.log\nsed -n "s/^$2 $3 /9.9.in-addr.arpa\\tname = /p" ${this.dir}/dns\n`,
    );
    this.listMachines(noNames);
    // Instead of a second that passes: what happens in it.
    this.write("/bin/sleep", `#!/bin/sh\n[ ! -f ${this.dir}/meanwhile ] || . ${this.dir}/meanwhile\n`);
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(this.dir + file), { recursive: true });
    writeFileSync(this.dir + file, text, { mode: 0o755 });
  }

  /** Gives it that image's table of the stack's machines. */
  listMachines(from: Manifest): void {
    this.write("/usr/lib/piinit/machines", textOf(from, "/usr/lib/piinit/machines"));
  }

  lease(card: Card, name: string | undefined, address: string, dns = "192.168.2.1"): void {
    const text = `ADDRESS=${address}\nDNS=${dns}\n${name ? `HOSTNAME=${name}\n` : ""}`;
    this.write(`/run/systemd/netif/leases/${card.index}`, text);
  }

  loseLease(card: Card): void {
    rmSync(`${this.dir}/run/systemd/netif/leases/${card.index}`);
  }

  /** Runs take-name and returns whom the machine takes itself for: name, address, MAC. */
  takeName(): string {
    const script = textOf(image, "/usr/lib/piinit/take-name").replace(
      /(?<=[\s">])\/(run|sys|proc|usr)\//g,
      `${this.dir}/$1/`,
    );
    execFileSync("sh", { input: script, env: { PATH: `${this.dir}/bin:${process.env.PATH}` } });
    return this.read("/run/piinit/machine");
  }

  read(file: string): string {
    return existsSync(this.dir + file) ? readFileSync(this.dir + file, "utf8").trim() : "";
  }
}

const stackOf = (...machines: { name: string; mac: string }[]): Manifest =>
  imageWith({}, { context: { ...home, machines: machines.map((one) => ({ ...one, ip: "", roles: [] })) } });

describe("the identity of a machine", () => {
  const machines: Machine[] = [];
  const machineWith = (...cards: (Card & { cable?: boolean })[]): Machine => {
    const machine = new Machine(cards);
    machines.push(machine);
    return machine;
  };
  after(() => {
    for (const { dir } of machines) rmSync(dir, { recursive: true });
  });

  it("comes from the lease, by wire or by Wi-Fi", () => {
    for (const card of [wire, radio]) {
      const machine = machineWith(card);
      machine.lease(card, "pi1", "192.168.2.51");
      assert.equal(machine.takeName(), `pi1 192.168.2.51 ${card.mac}`);
      assert.equal(machine.read("/proc/sys/kernel/hostname"), "pi1");
      assert.equal(machine.read("/systemctl.log"), "");
    }
  });

  it("has the first label of a qualified name, in lower case", () => {
    const machine = machineWith(wire);
    machine.lease(wire, "Pi1.home.lan", "192.168.2.51");
    assert.equal(machine.takeName(), `pi1 192.168.2.51 ${wire.mac}`);
    assert.equal(machine.read("/proc/sys/kernel/hostname"), "pi1");
  });

  it("has the stack's name when the lease has none, without asking the DNS", () => {
    const machine = machineWith(wire, radio);
    machine.listMachines(stackOf({ name: "pi1", mac: wire.mac }, { name: "pi2", mac: "b8:27:eb:00:00:09" }));
    machine.write("/dns", "192.168.2.51 192.168.2.1 nas.home.lan\n");
    machine.lease(wire, undefined, "192.168.2.51");
    machine.lease(radio, undefined, "192.168.2.61");
    assert.equal(machine.takeName(), `pi1 192.168.2.51 ${wire.mac}`);
    assert.equal(machine.read("/busybox.log"), "");
  });

  it("has the lease's name when the stack has another one, for the gate to see", () => {
    const machine = machineWith(wire);
    machine.listMachines(stackOf({ name: "pi1", mac: wire.mac }));
    machine.lease(wire, "nas", "192.168.2.51");
    assert.equal(machine.takeName(), `nas 192.168.2.51 ${wire.mac}`);
  });

  it("has its address's name in the DNS when neither lease nor stack has one", () => {
    const machine = machineWith(wire);
    machine.listMachines(stackOf({ name: "pi2", mac: "b8:27:eb:00:00:09" }));
    machine.write("/dns", "192.168.2.51 192.168.2.2 localhost\n192.168.2.51 192.168.2.3 Pi1.home.lan\n");
    machine.lease(wire, undefined, "192.168.2.51", "192.168.2.1 192.168.2.2 192.168.2.3");
    assert.equal(machine.takeName(), `pi1 192.168.2.51 ${wire.mac}`);
  });

  it("follows a name that the router changes, and the stack's once the router has none", () => {
    const machine = machineWith(wire);
    machine.listMachines(stackOf({ name: "pi1", mac: wire.mac }));
    machine.lease(wire, "nas", "192.168.2.51");
    machine.takeName();
    machine.lease(wire, undefined, "192.168.2.51");
    assert.match(machine.takeName(), /^pi1 /);
    assert.match(machine.read("/systemctl.log"), /try-restart/);
  });

  it("knows the machines by the same table in every image of the stack, in whatever order the settings list them", () => {
    const table = textOf(image, "/usr/lib/piinit/machines");
    assert.match(table, /^b8:27:eb:00:00:51 pi1$/m);
    const monitor = imageWith({ prometheus: true }, { context: { ...home, machines: home.machines.toReversed() } });
    assert.equal(textOf(monitor, "/usr/lib/piinit/machines"), table);
    assert.equal(fileOf(image, "/usr/lib/piinit/machines").mode, "0644");
  });

  it("costs another last layer only when the stack has another machine", () => {
    const more = {
      ...home,
      machines: [...home.machines, { name: "pi4", mac: wire.mac, ip: "192.168.2.55", roles: [] }],
    };
    const [before, after] = [image, imageWith({}, { context: more })].map((manifest) => layerNames(manifest));
    assert.deepEqual(
      layers.filter((layer) => before?.[layer] !== after?.[layer]),
      ["image"],
    );
  });

  it("is none while neither lease, stack nor DNS has a name", () => {
    const machine = machineWith(wire);
    assert.equal(machine.takeName(), "");
    machine.lease(wire, undefined, "192.168.2.151");
    assert.equal(machine.takeName(), "");
    assert.equal(machine.read("/proc/sys/kernel/hostname"), "localhost");
  });

  it("is the wire's when both are up, whichever card came first", () => {
    for (const [first, second] of [
      [wire, radio],
      [
        { ...radio, index: 2 },
        { ...wire, index: 3 },
      ],
    ] as const) {
      const machine = machineWith({ ...first, cable: true }, { ...second, cable: true });
      machine.lease(first, first.name, `192.168.2.${first.index}`);
      machine.lease(second, second.name, `192.168.2.${second.index}`);
      assert.match(machine.takeName(), /^eth0 /);
    }
  });

  it("is the Wi-Fi's when only its lease has a name", () => {
    const machine = machineWith(wire, radio);
    machine.lease(wire, undefined, "192.168.2.151");
    machine.lease(radio, "zero", "192.168.2.54");
    assert.equal(machine.takeName(), `zero 192.168.2.54 ${radio.mac}`);
  });

  it("waits for the wire's lease when there is a cable and Wi-Fi was quicker, but not for ever", () => {
    const machine = machineWith({ ...wire, cable: true }, radio);
    machine.lease(radio, "radio", "192.168.2.61");
    const lease = `${machine.dir}/run/systemd/netif/leases/${wire.index}`;
    machine.write("/meanwhile", `printf 'ADDRESS=192.168.2.51\\nHOSTNAME=wire\\n' >${lease}\n`);
    assert.match(machine.takeName(), /^wire /);

    const nothingComes = machineWith({ ...wire, cable: true }, radio);
    nothingComes.lease(radio, "radio", "192.168.2.61");
    assert.match(nothingComes.takeName(), /^radio /);
  });

  it("stays with its card when another one gets a lease later", () => {
    const machine = machineWith({ ...wire, cable: true }, radio);
    machine.lease(radio, "radio", "192.168.2.61");
    machine.takeName();
    machine.lease(wire, "wire", "192.168.2.51");
    assert.match(machine.takeName(), /^radio /);
    assert.equal(machine.read("/systemctl.log"), "");
  });

  it("survives a cable that is out for a moment, and goes over to Wi-Fi when it stays out", () => {
    const machine = machineWith({ ...wire, cable: true }, radio);
    machine.lease(wire, "wire", "192.168.2.51");
    machine.takeName();
    machine.lease(radio, "radio", "192.168.2.61");
    machine.loseLease(wire);
    const lease = `${machine.dir}/run/systemd/netif/leases/${wire.index}`;
    machine.write("/meanwhile", `printf 'ADDRESS=192.168.2.51\\nHOSTNAME=wire\\n' >${lease}\n`);
    assert.match(machine.takeName(), /^wire /);
    assert.equal(machine.read("/systemctl.log"), "");

    machine.loseLease(wire);
    machine.write("/meanwhile", "");
    assert.match(machine.takeName(), /^radio /);
    assert.match(machine.read("/systemctl.log"), /try-restart consul\.service nomad\.service/);
  });

  it("changes with the lease, and the agents start again with it", () => {
    const machine = machineWith(wire);
    machine.lease(wire, "pi1", "192.168.2.51");
    machine.takeName();
    machine.lease(wire, "pi7", "192.168.2.57");
    assert.equal(machine.takeName(), `pi7 192.168.2.57 ${wire.mac}`);
    assert.equal(machine.read("/proc/sys/kernel/hostname"), "pi7");
    assert.match(machine.read("/systemctl.log"), /try-restart/);
  });

  it("is asked for on real cards only, so that containers keep theirs", () => {
    const network = textOf(image, "/etc/systemd/network/20-wired.network");
    assert.deepEqual(settingsOf(network, "Type"), ["ether"]);
    assert.deepEqual(settingsOf(network, "Kind"), ["!*"]);
  });

  it("is what the agents advertise", () => {
    const prepare = (agent: string) => textOf(image, `/usr/lib/piinit/prepare-${agent}`);
    assert.match(prepare("consul"), />\/run\/piinit\/consul\/address\.json$/m);
    const [command = ""] = settingsOf(textOf(image, "/etc/systemd/system/consul.service"), "ExecStart");
    assert.ok(command.endsWith("-config-dir=/run/piinit/consul"), command);
  });
});

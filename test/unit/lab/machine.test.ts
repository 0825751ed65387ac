import assert from "node:assert/strict";
import { emulatorFor, machineArguments } from "../../../steps/lab/arguments.ts";
import type { LabMachine, LabRouter } from "../../../steps/lab/contract.ts";
import { checkVersion } from "../../../steps/lab/emulator.ts";
import { forwardedPort } from "../../../steps/lab/facts.ts";
import { stateOf } from "../../../steps/lab/lab.ts";
import { machineOf } from "../../../steps/lab/machine-processes.ts";
import { candidates, targetsOf } from "../../../steps/lab/ports.ts";
import { sshArguments } from "../../../steps/lab/ssh.ts";
import { shortage } from "../../../steps/quorum.ts";

const hardware = { dir: "/lab", image: { path: "/server-1.img", sha256: "1" }, memoryMiB: 1024, cpus: 1 };
const machine: LabMachine = { ...hardware, name: "pi1", mac: "52:54:00:00:00:51", ip: "10.0.0.51" };
const router: LabRouter = { ...hardware, name: "router" };
const host = { machine: "q35", accelerator: "tcg", commandLine: "console=ttyS0 quiet" } as const;

/** The values that follow a flag, in order. */
const valuesOf = (args: string[], flag: string) => args.filter((_, index) => args[index - 1] === flag);

describe("QEMU's arguments", () => {
  it("give a machine its kernel, disks, console and one network card, all by short names", () => {
    const args = machineArguments(machine, host);
    assert.deepEqual(valuesOf(args, "-append"), ["console=ttyS0 quiet"]);
    assert.deepEqual(valuesOf(args, "-accel"), ["tcg,thread=multi,tb-size=192"]);
    assert.deepEqual(valuesOf(args, "-netdev"), ["stream,id=cable,server=on,addr.type=unix,addr.path=pi1.link"]);
    assert.equal(valuesOf(args, "-device").filter((device) => device.includes("mac=52:54:00:00:00:51")).length, 1);
    assert.deepEqual(
      valuesOf(args, "-drive").map((drive) => /file=[^,]+,format=\w+/.exec(drive)?.[0]),
      ["file=pi1.overlay.qcow2,format=qcow2", "file=pi1.data.img,format=raw"],
    );
    assert.doesNotMatch(args.join(" "), /\/lab/);
  });

  it("give the router a second card to the outside, which leads nowhere but to forwarded ports", () => {
    const args = machineArguments(router, { ...host, accelerator: "kvm" });
    assert.deepEqual(valuesOf(args, "-cpu"), ["host"]);
    assert.match(valuesOf(args, "-netdev").join(" "), /user,id=wan,restrict=on/);
    assert.match(valuesOf(args, "-netdev").join(" "), /hubid=0,netdev=cable/, "it can send before there are machines");
    const macs = valuesOf(args, "-device").flatMap((device) => /mac=([^,]+)/.exec(device)?.[1] ?? []);
    assert.deepEqual(macs, ["52:54:00:00:00:01", "52:54:00:00:00:02"]);
  });

  it("tell whose process it is", () => {
    assert.equal(machineOf(["qemu", ...machineArguments(machine, host)]), "pi1");
    assert.equal(machineOf(["vi", "pi1.pid"]), undefined);
    assert.equal(machineOf(["qemu", "-name", "pi1", "-pidfile", "/run/other.pid"]), undefined);
  });
});

describe("the emulator", () => {
  it("is that of the host's architecture", () => {
    assert.equal(emulatorFor("arm64")?.program, "qemu-system-aarch64");
    assert.equal(emulatorFor("riscv64"), undefined);
  });

  it("is refused with its package when it is too old", () => {
    const emulator = emulatorFor("x64");
    assert.ok(emulator);
    assert.throws(() => checkVersion(emulator, "QEMU emulator version 7.1.0"), /QEMU 7\.2 or newer.*qemu-system-x86/);
    for (const version of ["7.2.22 (Debian)", "8.0.0", "10.1.2"])
      checkVersion(emulator, `QEMU emulator version ${version}`);
  });
});

describe("ports", () => {
  it("on the router follow from service and address", () => {
    assert.equal(forwardedPort("consul", "192.168.2.51"), 11_051);
    assert.deepEqual(targetsOf(machine), { ssh: 10_051, consul: 11_051, nomad: 12_051 });
    assert.deepEqual(targetsOf(router), { ssh: 22 });
  });

  it("on the host are those of before, else the router's own numbers, else others of no other service", () => {
    assert.deepEqual(candidates(11_051, undefined).slice(0, 3), [11_051, 14_051, 17_051]);
    assert.deepEqual(candidates(11_051, 14_051).slice(0, 3), [14_051, 11_051, 17_051]);
    assert.equal(candidates(22, undefined)[0], 10_000);
    const all = [10_000, 10_254, 11_000, 11_254, 12_000, 12_254].flatMap((target) => candidates(target, undefined));
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((port) => port < 65_536));
  });
});

describe("a machine's state", () => {
  it("is told by its process, its pid file and its cable", () => {
    const state = (isRunning: boolean, hasPidFile: boolean, isCut = false) =>
      stateOf({ isCut }, { isRunning, hasPidFile });
    assert.equal(state(true, true), "running");
    assert.equal(state(true, true, true), "cut");
    assert.equal(state(false, true, true), "crashed");
    assert.equal(state(false, false), "stopped");
  });
});

describe("taking a server away", () => {
  const server = (number: number, Healthy = true, Voter = true) => ({
    Name: `pi${number}`,
    Address: `10.0.0.${number}:8300`,
    Healthy,
    Voter,
  });

  it("is fine when the others are healthy, or it is no server at all", () => {
    assert.equal(shortage([server(1), server(2), server(3)], "10.0.0.1", "Consul"), undefined);
    assert.equal(shortage([server(1, false), server(2), server(3)], "10.0.0.1", "Consul"), undefined);
    assert.equal(shortage([server(1), server(2), server(3, false)], "10.0.0.9", "Consul"), undefined);
    assert.equal(shortage([server(1)], "10.0.0.1", "Consul"), undefined);
  });

  it("has to wait when quorum would be lost, and says for whom", () => {
    assert.match(shortage([server(1), server(2), server(3, false)], "10.0.0.1", "Consul") ?? "", /1 .* of the 2 .*pi3/);
    assert.match(shortage([server(1), server(2, true, false), server(3, false)], "10.0.0.1", "Nomad") ?? "", /pi3/);
  });

  it("does not take 10.0.0.1 for 10.0.0.11", () => {
    const servers = [server(11), server(2), server(3, false)];
    assert.equal(shortage(servers, "10.0.0.1", "Consul"), undefined);
  });

  it("can spare one of five with one ill", () => {
    const servers = [server(1), server(2), server(3), server(4), server(5, false)];
    assert.equal(shortage(servers, "10.0.0.1", "Consul"), undefined);
  });
});

describe("SSH to a machine", () => {
  const to = { dir: "/a lab/100%", name: "pi1", isRouter: false, port: 10_051 };

  it("uses the lab's key and the lab's known hosts under the machine's name", () => {
    const args = sshArguments({ ...to, command: [] });
    assert.equal(args.at(-1), "root@127.0.0.1");
    assert.ok(args.includes("HostKeyAlias=pi1") && args.includes("StrictHostKeyChecking=accept-new"));
    assert.ok(args.includes('UserKnownHostsFile="/a lab/100%%/known_hosts"'));
    assert.deepEqual(args.slice(args.indexOf("-i"), args.indexOf("-i") + 2), ["-i", "/a lab/100%/id_ed25519"]);
  });

  it("takes nothing but the known key from the router", () => {
    assert.ok(sshArguments({ ...to, isRouter: true, command: [] }).includes("StrictHostKeyChecking=yes"));
  });

  it("hands words over as they are, and one word to the shell", () => {
    assert.equal(sshArguments({ ...to, command: ["echo", "a b", "$c"] }).at(-1), "echo 'a b' '$c'");
    assert.equal(sshArguments({ ...to, command: ["ls | wc -l"] }).at(-1), "ls | wc -l");
  });
});

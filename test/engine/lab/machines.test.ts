import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { fileOf, readRecord } from "../../../steps/lab/folder.ts";
import { consoleOf, deleteLab, labStatus, startLab, stopLab } from "../../../steps/lab/lab.ts";
import {
  cutMachine,
  joinMachine,
  killMachine,
  removeMachine,
  replaceMachine,
  startMachine,
  stopMachine,
} from "../../../steps/lab/machine.ts";
import { processOf } from "../../../steps/lab/machine-processes.ts";
import { withMonitor } from "../../../steps/lab/monitor.ts";
import { powerOff } from "../../../steps/lab/power.ts";
import { close, context, isFree, labForEachTest, listen, until } from "./fixture.ts";
import { greeting, writeGuestImage } from "./guest.ts";

const states = async (dir: string) => (await labStatus(dir)).map(({ name, state }) => `${name} ${state}`);
const network = (dir: string, name = "router") => withMonitor(dir, name, (monitor) => monitor.console("info network"));
const hasBooted = async (dir: string, name: string) =>
  (await readFile(fileOf(dir, name, "console"), "utf8").catch(() => "")).includes(greeting);

describe("machines of the lab", function () {
  this.timeout(180_000);
  const lab = labForEachTest();

  it("run, boot their image's kernel, and are reached at ports of their own", async () => {
    const router = await lab.startRouter();
    const first = await startMachine(lab.machine(21), context);
    const second = await startMachine(lab.machine(22), context);
    const ports = [router.port, ...Object.values(first.ports), ...Object.values(second.ports)];
    assert.equal(new Set(ports).size, 7);
    for (const port of ports) assert.equal(await isFree(port), false, `${port} is forwarded`);
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 running", "pi22 running"]);
    await until("the guest boots", () => hasBooted(lab.dir, "pi21"));
    assert.match(await network(lab.dir), /cable-port-pi21: cable-pi21:.*type=stream,unix:/);
  });

  it("are left alone by a second start, which answers the same", async () => {
    await lab.startRouter();
    const first = await startMachine(lab.machine(21), context);
    const pid = await processOf(lab.dir, "pi21");
    assert.deepEqual(await startMachine(lab.machine(21), context), first);
    assert.equal(await processOf(lab.dir, "pi21"), pid);
  });

  it("are started once by two starts at the same time", async () => {
    await lab.startRouter();
    const [first, second] = await Promise.all([1, 2].map(() => startMachine(lab.machine(21), context)));
    assert.deepEqual(first, second);
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 running"]);
  });

  it("avoid a taken port and give all of theirs back when they stop", async () => {
    await lab.startRouter();
    const { ports } = await startMachine(lab.machine(21), context);
    await stopMachine(lab.dir, "pi21", context);
    for (const port of Object.values(ports)) assert.ok(await isFree(port), `${port} was given back`);
    const stranger = await listen(ports.consul);
    assert.ok(stranger);
    try {
      const again = await startMachine(lab.machine(21), context);
      assert.notEqual(again.ports.consul, ports.consul);
      assert.equal(again.ports.ssh, ports.ssh, "a free port is kept");
    } finally {
      await close(stranger);
    }
  });

  it("shut down when asked, lose power when they don't react, and both may be repeated", async () => {
    await lab.startRouter();
    const stubborn = { path: path.join(lab.dir, "..", "stubborn-2.img"), sha256: "2" };
    await writeGuestImage(stubborn.path, { stubborn: true });
    await startMachine(lab.machine(21), context);
    await startMachine({ ...lab.machine(22), image: stubborn }, context);
    for (const name of ["pi21", "pi22"]) await until(`${name} boots`, () => hasBooted(lab.dir, name));
    const said: string[] = [];
    const listening = { ...context, progress: { step: (text: string) => void said.push(text) } };
    for (const name of ["pi21", "pi22", "pi22"]) await powerOff(lab.dir, name, listening, 12_000);
    assert.deepEqual(said, [
      "pi21: shutting down",
      "pi22: shutting down",
      "pi22: does not shut down by itself, power is cut",
    ]);
    await stopMachine(lab.dir, "pi21", context);
    await stopMachine(lab.dir, "pi22", context);
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 stopped", "pi22 stopped"]);
    assert.doesNotMatch(await network(lab.dir), /pi2/);
  });

  it("are seen as crashed after a kill, and come back with the disks, ports and cable that they had", async () => {
    await lab.startRouter();
    const { ports } = await startMachine(lab.machine(21), context);
    const disk = await stat(fileOf(lab.dir, "pi21", "data"));
    await killMachine(lab.dir, "pi21");
    await killMachine(lab.dir, "pi21");
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 crashed"]);
    await startLab(lab.dir, context, "pi21");
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 running"]);
    assert.deepEqual((await readRecord(lab.dir, "pi21"))?.ports, ports);
    assert.equal((await stat(fileOf(lab.dir, "pi21", "data"))).ino, disk.ino);
    assert.match(await network(lab.dir), /cable-port-pi21: cable-pi21:.*type=stream,unix:/);
  });

  it("get their cables and ports back when the router has lost power", async () => {
    await lab.startRouter();
    const { ports } = await startMachine(lab.machine(21), context);
    const pid = await processOf(lab.dir, "pi21");
    await killMachine(lab.dir, "router");
    assert.ok(await isFree(ports.ssh));
    await assert.rejects(startMachine(lab.machine(22), context), /router does not run.*\.\/piinit lab start/);
    await lab.startRouter();
    assert.equal(await isFree(ports.ssh), false);
    assert.equal(await processOf(lab.dir, "pi21"), pid, "the machine ran on");
    assert.match(await network(lab.dir), /cable-port-pi21: cable-pi21:.*type=stream,unix:/);
    assert.match(await network(lab.dir, "pi21"), /cable: index=0,type=stream,unix:/);
  });

  it("can be cut off and joined again", async () => {
    await lab.startRouter();
    await startMachine(lab.machine(21), context);
    await cutMachine(lab.dir, "pi21", context);
    await cutMachine(lab.dir, "pi21", context);
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 cut"]);
    await joinMachine(lab.dir, "pi21", context);
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 running"]);
    await stopMachine(lab.dir, "pi21", context);
    await assert.rejects(cutMachine(lab.dir, "pi21", context), /pi21 does not run/);
  });

  it("get a new root disk and keep data and ports when their image changes", async () => {
    await lab.startRouter();
    const { ports } = await startMachine(lab.machine(21), context);
    const disk = await stat(fileOf(lab.dir, "pi21", "data"));
    const image = { path: path.join(lab.dir, "..", "guest-2.img"), sha256: "2" };
    await writeGuestImage(image.path);
    await until("it has booted", () => hasBooted(lab.dir, "pi21"));
    const after = await replaceMachine({ ...lab.machine(21), image }, context);
    assert.deepEqual(after.ports, ports);
    assert.equal((await stat(fileOf(lab.dir, "pi21", "data"))).ino, disk.ino);
    const { stdout } = await execa("qemu-img", ["info", "-U", fileOf(lab.dir, "pi21", "root")]);
    assert.match(stdout, /guest-2\.img/);
  });

  it("make way for one of another name with their MAC and address, and their removal is no concern of its", async () => {
    await lab.startRouter();
    const { ports } = await startMachine(lab.machine(21), context);
    await startMachine(lab.machine(22), context);
    await until("it has booted", () => hasBooted(lab.dir, "pi21"));
    const renamed = { ...lab.machine(21), name: "node1" };
    assert.deepEqual(await replaceMachine(renamed, context), { name: "node1", ports });
    assert.deepEqual(await states(lab.dir), ["router running", "node1 running", "pi22 running"]);
    const pid = await processOf(lab.dir, "node1");
    assert.deepEqual((await replaceMachine(renamed, context)).ports, ports);
    // As Pulumi does: the new name's step is done, then the old name's is deleted.
    await removeMachine(lab.dir, "pi21", context);
    assert.equal(await processOf(lab.dir, "node1"), pid);
    for (const port of Object.values(ports)) assert.equal(await isFree(port), false, `${port} is forwarded`);
    assert.match(await network(lab.dir), /cable-port-node1: cable-node1:.*type=stream,unix:/);
    assert.deepEqual(
      (await readdir(lab.dir)).filter((file) => file.startsWith("pi21.")),
      [],
    );
  });

  for (const [first, second] of [
    [21, 22],
    [22, 21],
  ] as const)
    it(`exchange addresses and MACs, pi${first} first, and keep their data`, async () => {
      await lab.startRouter();
      const before = [await startMachine(lab.machine(21), context), await startMachine(lab.machine(22), context)];
      for (const name of ["pi21", "pi22"]) await until(`${name} boots`, () => hasBooted(lab.dir, name));
      const disks = ["pi21", "pi22"].map((name) => fileOf(lab.dir, name, "data"));
      const inodes = await Promise.all(disks.map(async (disk) => (await stat(disk)).ino));
      const placeOf = (number: number, place: number) => ({ ...lab.machine(place), name: `pi${number}` });
      await replaceMachine(placeOf(first, second), context);
      assert.deepEqual(await states(lab.dir), ["router running", `pi${first} running`]);
      await assert.rejects(startLab(lab.dir, context, `pi${second}`), /has no machine/);
      await replaceMachine(placeOf(second, first), context);
      assert.deepEqual(await states(lab.dir), ["router running", "pi21 running", "pi22 running"]);
      assert.deepEqual(await Promise.all(disks.map(async (disk) => (await stat(disk)).ino)), inodes);
      const records = await Promise.all(["pi21", "pi22"].map((name) => readRecord(lab.dir, name)));
      const ports = records.flatMap((record) => Object.values(record?.ports ?? {}));
      assert.equal(new Set(ports).size, 6);
      for (const port of [...ports, ...before.flatMap((machine) => Object.values(machine.ports))])
        assert.equal(await isFree(port), !ports.includes(port), String(port));
    });

  it("stay as they are when one that needs their place can't start, because the router is off", async () => {
    await lab.startRouter();
    await startMachine(lab.machine(21), context);
    await killMachine(lab.dir, "router");
    await assert.rejects(replaceMachine({ ...lab.machine(21), name: "node1" }, context), /router does not run/);
    assert.deepEqual(await states(lab.dir), ["router crashed", "pi21 running"]);
  });

  it("are gone with their disks when they are removed, and other machines stay", async () => {
    await lab.startRouter();
    await startMachine(lab.machine(21), context);
    const { ports } = await startMachine(lab.machine(22), context);
    for (const _ of [1, 2]) await removeMachine(lab.dir, "pi22", context);
    assert.deepEqual(
      (await readdir(lab.dir)).filter((file) => file.startsWith("pi22.")),
      [],
    );
    assert.ok(await isFree(ports.nomad));
    assert.deepEqual(await states(lab.dir), ["router running", "pi21 running"]);
  });

  it("name what is wrong when they can't start", async () => {
    await lab.startRouter();
    const missing = { path: path.join(lab.dir, "server-abc.img"), sha256: "3" };
    await assert.rejects(startMachine({ ...lab.machine(21), image: missing }, context), /\.\/piinit build server /);
    const tooMuch = { ...lab.machine(22), memoryMiB: 900_000_000 };
    await assert.rejects(startMachine(tooMuch, context), /QEMU of pi22 did not start[\s\S]*memory/);
    assert.deepEqual(await states(lab.dir), ["router running", "pi22 stopped"]);
    await startMachine(lab.machine(22), context);
  });

  it("log their console, which one may attach to as well", async () => {
    await lab.startRouter();
    const { log, attach } = await consoleOf(lab.dir, "router");
    const socket = await attach();
    socket.destroy();
    await until("the router's console is logged", async () => (await readFile(log, "utf8")).includes(greeting));
  });

  it("stop together, and start together again", async () => {
    await lab.startRouter();
    await startMachine(lab.machine(21), context);
    for (const name of ["router", "pi21"]) await until(`${name} boots`, () => hasBooted(lab.dir, name));
    await stopLab(lab.dir, context);
    assert.deepEqual(await states(lab.dir), ["router stopped", "pi21 stopped"]);
  });
});

describe("a lab's removal", function () {
  this.timeout(120_000);
  const lab = labForEachTest();

  it("leaves no process, no port and no file, and may be repeated", async () => {
    const router = await lab.startRouter();
    const { ports } = await startMachine(lab.machine(21), context);
    const pids = (await labStatus(lab.dir)).map(({ pid }) => pid);
    await deleteLab(lab.dir);
    for (const pid of pids) assert.equal(existsSync(`/proc/${pid}/exe`), false);
    for (const port of [router.port, ...Object.values(ports)]) assert.ok(await isFree(port));
    assert.equal(existsSync(lab.dir), false);
    await deleteLab(lab.dir);
  });

  it("finds a machine whose files are lost", async () => {
    await lab.startRouter();
    const pid = await processOf(lab.dir, "router");
    await execa("rm", ["-rf", lab.dir]);
    await deleteLab(lab.dir);
    assert.equal(existsSync(`/proc/${pid}/exe`), false);
  });

  it("refuses a folder that is no lab's", async () => {
    const folder = path.join(lab.dir, "..", "other");
    await execa("mkdir", [folder]);
    await writeFile(path.join(folder, "letter"), "dear");
    await assert.rejects(deleteLab(folder), /not a lab's folder/);
    assert.ok(existsSync(path.join(folder, "letter")));
  });
});

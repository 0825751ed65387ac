import assert from "node:assert/strict";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import type { Reservation } from "../../../steps/router/base/driver.ts";
import { createProject, type Project } from "../project.ts";
import { type Home, startHomeOrSkip } from "./home.ts";

const pi1: Reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2: Reservation = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };
const pi3: Reservation = { name: "pi3", mac: "b8:27:eb:00:00:03", ip: "192.168.2.53" };
const newBoard = "b8:27:eb:00:00:99";

const tables = `
import { DhcpReservations } from "./components/reservations.ts";
import { machines, router } from "./settings.ts";
new DhcpReservations("reservations", { router, machines });
`;

/** As the program was before tables: a step for each machine. What its \`create\` did is done by a shell here. */
const stepForEachMachine = `
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { machines, router } from "./settings.ts";
class DhcpReservation extends pulumi.ComponentResource {
  constructor(reservation) {
    super("piinit:DhcpReservation", reservation.name);
    const { name, mac, ip } = reservation;
    const file = router.hostsDir + "/piinit-" + mac.replaceAll(":", "-");
    new command.local.Command("reservation-" + name, {
      create: "echo " + mac + "," + ip + "," + name + " >" + file + "; echo {}",
      delete: "node --import tsx steps/router/main.ts release",
      stdin: pulumi.secret(JSON.stringify({ router, reservation })),
      triggers: [mac],
      logging: command.local.Logging.Stderr,
      addPreviousOutputInEnv: false,
    }, { parent: this, deleteBeforeReplace: true });
  }
}
for (const machine of machines) new DhcpReservation(machine);
`;

describe("reservations in the order in which Pulumi works", function () {
  this.timeout(300_000);
  let home: Home;
  let project: Project;

  const settings = (machines: Reservation[], router: object = home.settings) =>
    writeFile(
      path.join(project.dir, "settings.ts"),
      `export const machines = ${JSON.stringify(machines)};\nexport const router = ${JSON.stringify(router)};\n`,
    );
  const up = async (machines: Reservation[], router?: object): Promise<string> => {
    await settings(machines, router);
    const { exitCode, output } = await project.up();
    assert.equal(exitCode, 0, output);
    return output;
  };
  const failingUp = async (machines: Reservation[], reason: RegExp) => {
    await settings(machines);
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    assert.match(output, reason);
  };
  /** What is reserved on the router, in all files of its folder; dnsmasq ignores those that begin with a dot, too. */
  const reserved = async (): Promise<string[]> => {
    const folder = home.settings.hostsDir;
    const files = (await readdir(folder)).filter((file) => !file.startsWith("."));
    const texts = files.map((file) => readFile(path.join(folder, file), "utf8"));
    return (await Promise.all(texts))
      .join("")
      .split("\n")
      .filter((line) => line && !line.startsWith("#"))
      .sort();
  };
  const linesOf = (machines: Reservation[]) => machines.map(({ mac, ip, name }) => `${mac},${ip},${name}`).sort();
  /** `up` leaves exactly these on the router, the real dnsmasq serves them, and there is nothing left to do. */
  const becomes = async (machines: Reservation[]): Promise<string> => {
    const output = await up(machines);
    assert.deepEqual(await reserved(), linesOf(machines));
    await home.forgetLeases();
    for (const { mac, ip, name } of machines)
      assert.deepEqual(await home.askForLease(mac), { ip, hostname: name }, name);
    assert.doesNotMatch(await up(machines), /created|updated|deleted/);
    assert.deepEqual(await reserved(), linesOf(machines));
    return output;
  };

  before(async function () {
    home = await startHomeOrSkip(this);
  });
  beforeEach(async () => {
    project = await createProject();
    for (const folder of ["components", "formats", "lib", "steps"])
      await symlink(path.join(projectDir, folder), path.join(project.dir, folder));
    await project.program(tables);
  });
  afterEach(async () => {
    const { exitCode, output } = await project.pulumi("destroy", "--yes", "--skip-preview");
    await project.remove();
    assert.equal(exitCode, 0, output);
    assert.deepEqual(await readdir(home.settings.hostsDir), []);
  });
  after(() => home?.close());

  it("are kept when machines are renamed, exchange addresses or MACs, get a new board, come and go", async () => {
    await becomes([pi1, pi2, pi3]);
    const renamed = { ...pi1, name: "node1" };
    assert.match(await becomes([renamed, pi2, pi3]), /~ node1: .* \(was pi1\)/);
    const addresses = [{ ...renamed, ip: pi2.ip }, { ...pi2, ip: pi1.ip }, pi3];
    await becomes(addresses);
    const names = [
      { ...renamed, name: "pi2" },
      { ...pi2, name: "pi1" },
      { ...pi3, mac: newBoard },
    ];
    assert.match(await becomes(names), new RegExp(`~ pi3: ${newBoard} → 192\\.168\\.2\\.53 \\(was ${pi3.mac}\\)`));
    await becomes([pi1, { ...pi3, ip: "192.168.2.63" }]);
  });

  it("of an earlier version's state are taken over without a gap, whatever changes at the same time", async () => {
    await project.program(stepForEachMachine);
    await up([pi1, pi2, pi3]);
    assert.equal((await readdir(home.settings.hostsDir)).length, 3);
    await project.program(tables);
    const changed = [
      { ...pi1, name: "node1", ip: pi2.ip },
      { ...pi2, ip: pi1.ip },
    ];
    const output = await becomes(changed);
    assert.match(output, /reservation-pi1 deleted/);
    assert.deepEqual(await readdir(home.settings.hostsDir), ["piinit.test"]);
  });

  it("of an earlier version's state go with it when it is destroyed", async () => {
    await project.program(stepForEachMachine);
    await up([pi1, pi2]);
  });

  it("stay as they were when dnsmasq ends over a change, and the next run makes it", async () => {
    await up([pi1, pi2]);
    const swapped = [
      { ...pi1, ip: pi2.ip },
      { ...pi2, ip: pi1.ip },
    ];
    await home.letReloadsEndDnsmasq();
    await failingUp(swapped, /The reservations are as they were before/);
    assert.deepEqual(await reserved(), linesOf([pi1, pi2]));
    await home.restartDnsmasq();
    await becomes(swapped);
  });

  it("are mended by the next run after one whose answer got lost", async () => {
    await up([pi1, pi2]);
    // The router takes the table; then, before Pulumi hears of it, everything ends.
    await settings([{ ...pi1, mac: newBoard }, pi2]);
    const running = project.start("up", "--yes", "--skip-preview");
    while (!(await reserved()).some((line) => line.startsWith(newBoard))) await new Promise(setImmediate);
    running.kill("SIGKILL");
    await running.ended;
    await project.pulumi("cancel", "--yes");
    await becomes([{ ...pi1, mac: "b8:27:eb:00:00:98" }, pi2]);
  });

  it("are told line by line to someone who sets the router up by hand, and only what differs", async () => {
    const manual = { kind: "manual" };
    assert.match(await up([pi1, pi2], manual), /Type these .*[\s\S]*b8:27:eb:00:00:01 {2}192\.168\.2\.51 {5}pi1/);
    const output = await up([pi1, { ...pi2, ip: "192.168.2.62" }, pi3], manual);
    assert.match(output, /Type these .*[\s\S]*pi3[\s\S]*Change these .*[\s\S]*192\.168\.2\.62[\s\S]*= 1 unchanged/);
    assert.doesNotMatch(output, /b8:27:eb:00:00:01/);
    assert.match(await up([pi1, pi2]), /the router was a router that is set up by hand before/);
    assert.deepEqual(await reserved(), linesOf([pi1, pi2]));
  });
});

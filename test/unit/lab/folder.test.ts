import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  clusterOf,
  type MachineRecord,
  readRecord,
  readRecords,
  requireRecord,
  writeRecord,
} from "../../../steps/lab/folder.ts";
import { forgetHost, knowHost, knownHostsOf } from "../../../steps/lab/keys.ts";
import { lastLines } from "../../../steps/lab/power.ts";

describe("the lab's folder", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), "piinit-lab-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const hardware = { image: { path: "/i", sha256: "1" }, memoryMiB: 1, cpus: 1 };
  const record = (name: string): MachineRecord => ({
    spec:
      name === "router"
        ? { dir, name, ...hardware }
        : { dir, name, ...hardware, mac: "b8:27:eb:00:00:01", ip: "10.0.0.1" },
    ports: { ssh: 1 },
    isConnected: true,
    isCut: false,
  });

  it("keeps records for the user alone and leaves nothing beside them", async () => {
    await writeRecord(record("pi1"));
    assert.deepEqual(await readRecord(dir, "pi1"), record("pi1"));
    assert.equal((await stat(path.join(dir, "pi1.json"))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(dir), ["pi1.json"]);
  });

  it("records which cluster a machine is of, and not what opens that", async () => {
    const access = { ca: "certificate", consul: "first secret", nomad: "second secret", recovery: "third secret" };
    const spec = { dir, name: "pi1", ...hardware, mac: "b8:27:eb:00:00:01", ip: "10.0.0.1" };
    await writeRecord({ ...record("pi1"), spec: Object.assign({ access }, spec) });
    assert.doesNotMatch(await readFile(path.join(dir, "pi1.json"), "utf8"), /secret|certificate/);
    assert.deepEqual((await readRecord(dir, "pi1"))?.spec, { ...spec, cluster: clusterOf({ ...spec, access }) });
  });

  it("lists the router first, and takes a damaged record for none", async () => {
    for (const name of ["pi2", "router", "pi1"]) await writeRecord(record(name));
    await writeFile(path.join(dir, "pi9.json"), "");
    assert.deepEqual(
      (await readRecords(dir)).map(({ spec }) => spec.name),
      ["router", "pi1", "pi2"],
    );
    assert.deepEqual(await readRecords(path.join(dir, "none")), []);
  });

  it("names its machines to who asks for another", async () => {
    await assert.rejects(requireRecord(dir, "pi1"), /no machines yet.*\.\/piinit up/);
    await writeRecord(record("pi2"));
    await assert.rejects(requireRecord(dir, "pi1"), /no machine pi1\. Machines: pi2/);
  });

  it("knows and forgets SSH host keys by name", async () => {
    await knowHost(dir, "router", "ssh-ed25519 AAAA comment");
    await knowHost(dir, "pi1", "ssh-ed25519 BBBB");
    await knowHost(dir, "pi1", "ssh-ed25519 CCCC");
    await forgetHost(dir, "pi11");
    assert.equal(await readFile(knownHostsOf(dir), "utf8"), "router ssh-ed25519 AAAA\npi1 ssh-ed25519 CCCC\n");
    await forgetHost(dir, "pi1");
    assert.equal(await readFile(knownHostsOf(dir), "utf8"), "router ssh-ed25519 AAAA\n");
  });

  it("shows the last lines of a console without its control characters", async () => {
    const log = path.join(dir, "pi1.console");
    await writeFile(log, "a\r\n\x1b[0;32mOK\x1b[0m started ü\r\n\r\n");
    assert.deepEqual(await lastLines(log, 1), ["OK started ü"]);
    assert.deepEqual(await lastLines(path.join(dir, "none"), 3), []);
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, rmdir, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { type BurnContext, burn } from "../../../burn/burn.ts";
import type { Drive } from "../../../burn/drive.ts";
import { inspectImage } from "../../../burn/image-file.ts";
import { blockMapFileOf, renderBlockMap } from "../../../formats/bmap.ts";
import { hostPath, runOnHost } from "../../../lib/host.ts";
import { projectDir } from "../../../lib/paths.ts";
import { surveyDisk } from "../../../steps/image/disk/survey.ts";
import { type Disk, makeDisk, makeUsedCard } from "../../unit/burn/disk.ts";

const MiB = 1024 * 1024;
const cardBytes = 160 * MiB;

/** Block devices of the kernel, which behave like a card: files in its place, of which some have no room for it. */
describe("burning a block device", function () {
  this.timeout(120_000);
  let folder: string;
  let disk: Disk;
  const at = (name: string) => path.join(folder, name);
  const undo: (() => Promise<unknown>)[] = [];
  const quiet: BurnContext = { signal: new AbortController().signal, report() {} };

  before(async function () {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-device-"));
    if (!(await canMakeDevices(folder))) this.skip();
    disk = await makeDisk(folder);
    const { map } = await surveyDisk(disk.file, quiet.signal);
    await writeFile(blockMapFileOf(disk.file), renderBlockMap(map));
    await makeUsedCard(at("card"), cardBytes);
  });
  afterEach(async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A device whose content is the file's, until the test ends. */
  async function deviceOf(file: string, ...options: string[]): Promise<string> {
    const device = await runOnHost("losetup", ["--find", "--show", ...options, file]);
    undo.push(() => runOnHost("losetup", ["--detach", device]));
    return device;
  }
  async function mount(what: string[], where: string): Promise<void> {
    await mkdir(where, { recursive: true });
    undo.push(() => rmdir(where));
    await runOnHost("mount", [...what, where]);
    undo.push(() => runOnHost("umount", [where]).catch(() => {}));
  }
  async function piinitBurn(target: string) {
    const args = ["burn", disk.file, "--drive", target, "--yes", "--json"];
    const { exitCode, stderr } = await execa("./piinit", args, { cwd: projectDir, reject: false, stdin: "ignore" });
    return { code: exitCode, errors: stderr };
  }
  const directly = async (device: string, bytes: number, context: BurnContext) =>
    burn(
      await inspectImage(disk.file),
      { kind: "drive", drive: { path: device, writePath: device, bytes } as Drive },
      context,
    );

  for (const sector of [512, 4096]) {
    it(`gives it sound file systems, though it was full of something else, with sectors of ${sector} bytes`, async () => {
      const { code, errors } = await piinitBurn(await deviceOf(at("card"), "--sector-size", String(sector)));
      assert.equal(code, 0, errors);
      await runOnHost("e2fsck", ["-f", "-n", `card?offset=${disk.root.offset}`], { cwd: folder });
      await runOnHost("debugfs", ["-R", "dump /data data", `card?offset=${disk.root.offset}`], { cwd: folder });
      assert.ok((await readFile(at("data"))).equals(disk.data));
      const card = await readFile(at("card"));
      assert.ok(card.subarray(138 * MiB).equals(Buffer.alloc(cardBytes - 138 * MiB, 0xa5)), "what is behind the image");
    });
  }

  it("is refused while another program uses it, and if it is mounted permanently", async () => {
    const device = await deviceOf(at("card"));
    const handle = openSync(device, constants.O_RDONLY | constants.O_EXCL);
    const busy = await piinitBurn(device);
    closeSync(handle);
    assert.deepEqual([busy.code, /is in use by another program/.test(busy.errors)], [2, true], busy.errors);
    await runOnHost("mke2fs", ["-q", "-F", device]);
    await mount([device], at("place"));
    const mounted = await piinitBurn(device);
    assert.deepEqual([mounted.code, /is in use: \S+ is mounted at .*place\. Unmount/.test(mounted.errors)], [2, true]);
  });

  it("unmounts it if it is mounted where removable drives are", async () => {
    const device = await deviceOf(at("card"));
    await runOnHost("mke2fs", ["-q", "-F", device]);
    await mount([device], `/mnt/${path.basename(folder)}`);
    const { code, errors } = await piinitBurn(device);
    assert.equal(code, 0, errors);
    assert.ok(!(await readFile("/proc/mounts", "utf8")).includes(device));
  });

  it("is refused if it is smaller than the image", async () => {
    await truncate(at("small"), 0).catch(() => writeFile(at("small"), ""));
    await truncate(at("small"), 100 * MiB);
    const { code, errors } = await piinitBurn(await deviceOf(at("small")));
    assert.deepEqual([code, /has 105 MB, but the image needs 138 MB/.test(errors)], [2, true], errors);
  });

  it("fails if it takes no more data at some point, and so does a file on a full disk", async () => {
    const place = at("full");
    await mount(["-t", "tmpfs", "-o", "size=16m", "tmpfs"], place);
    const file = await piinitBurn(path.join(place, "new"));
    assert.deepEqual([file.code, /The disk of .*new is full/.test(file.errors)], [1, true], file.errors);
    const sparse = path.join(place, "sparse");
    await writeFile(sparse, "");
    await truncate(sparse, cardBytes);
    const { code, errors } = await piinitBurn(await deviceOf(sparse));
    assert.deepEqual([code, /: it is broken/.test(errors)], [1, true], errors);
    assert.ok(await startsNothing(sparse));
  });

  it("fails if its medium is broken at some point", async function () {
    const targets = await runOnHost("dmsetup", ["targets"]).catch(() => "");
    if (!targets.includes("error")) this.skip(); // The kernel has no device mapper.
    const [sound, all] = [40 * MiB, cardBytes].map((bytes) => bytes / 512) as [number, number];
    const under = await deviceOf(at("card"));
    const name = path.basename(folder);
    const table = `0 ${sound} linear ${under} 0\n${sound} ${all - sound} error\n`;
    await runOnHost("dmsetup", ["create", name], { input: table });
    undo.push(() => runOnHost("dmsetup", ["remove", "--retry", name]));
    await assert.rejects(
      directly(`/dev/mapper/${name}`, cardBytes, quiet),
      /can't be written to: it is broken, or loose/,
    );
    assert.ok(await startsNothing(at("card")));
  });

  it("fails if it has less space than it reports", async () => {
    const device = await deviceOf(at("card"));
    const failing = directly(device, cardBytes, {
      ...quiet,
      report(phase, done) {
        if (phase !== "writing" || done < 4 * MiB) return;
        execFileSync("truncate", ["-s", String(20 * MiB), at("card")]);
        execFileSync("losetup", ["--set-capacity", device], { env: { PATH: hostPath() } });
      },
    });
    await assert.rejects(failing, /has less space than it reports: it is broken or counterfeit/);
    assert.ok(await startsNothing(at("card")));
    await makeUsedCard(at("card"), cardBytes);
  });

  it("is detected if it doesn't keep what was written to it", async () => {
    const device = await deviceOf(at("card"));
    const failing = directly(device, cardBytes, {
      ...quiet,
      report: (phase, done) => phase === "verifying" && done === 0 && spoil(at("card"), disk.root.offset + 5 * MiB),
    });
    await assert.rejects(failing, /did not store what was written to it/);
    assert.ok(await startsNothing(at("card")));
  });
});

/** Whether this user may make such devices and mount something here: root, outside of most containers. */
async function canMakeDevices(folder: string): Promise<boolean> {
  const file = path.join(folder, "probe");
  await writeFile(file, Buffer.alloc(MiB));
  try {
    const device = await runOnHost("losetup", ["--find", "--show", file]);
    await runOnHost("losetup", ["--detach", device]);
    await mkdir(path.join(folder, "mount"));
    await runOnHost("mount", ["-t", "tmpfs", "tmpfs", path.join(folder, "mount")]);
    await runOnHost("umount", [path.join(folder, "mount")]);
    return true;
  } catch {
    return false;
  }
}

function spoil(file: string, place: number): void {
  const handle = openSync(file, "r+");
  writeSync(handle, Buffer.from("spoilt"), 0, 6, place);
  closeSync(handle);
}

const startsNothing = async (card: string): Promise<boolean> =>
  (await readFile(card)).subarray(0, MiB).equals(Buffer.alloc(MiB));

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openExt4 } from "../../../formats/ext4/ext4.ts";
import { hostArchitecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { silent } from "../../../lib/progress.ts";
import { findPartitions } from "../../../steps/image/existing/partitions.ts";
import { buildImage } from "../../../steps/image/layers/build-image.ts";
import type { Contents } from "../../../steps/image/layers/contents.ts";
import type { BuiltImage } from "../../../steps/image/manifest/contract.ts";
import type { ImageBase, Manifest } from "../../../steps/image/manifest/manifest.ts";
import { setEnvironment } from "../../environment.ts";
import { testManifest } from "../../unit/image/manifest.ts";
import { type Publisher, startPublisher } from "../../unit/toolchain/publisher.ts";
import { bootFiles, capability, makeCard } from "./card.ts";
import { killedBuild } from "./verbs.ts";

const manifest = testManifest({
  board: "pi3",
  architecture: hostArchitecture() ?? "amd64",
  base: { image: "", sha256: "" },
  packages: ["netbase"],
  users: [{ name: "consul", id: 801, home: "/var/lib/consul" }],
  directories: [{ path: "/var/lib/consul", mode: "0750", owner: "consul" }],
  files: [{ path: "/etc/consul.d/gossip.json", mode: "0600", owner: "consul", text: '{"encrypt":"a secret"}\n' }],
  links: [{ path: "/etc/systemd/system/rpi-resize.service", target: "/dev/null" }],
  boot: {
    modules: [],
    commandLine: "cgroup_enable=memory fsck.repair=yes",
    files: [],
    config: ["dtoverlay=rpi-poe", "gpu_mem=16"],
  },
  disk: { firmware: "raspberry-pi", bootMiB: 64, rootMiB: 640, grows: true },
});

describe("an image that is made from an existing one", function () {
  this.timeout(40 * 60_000);
  let folder: string;
  let publisher: Publisher;
  let card: string;
  let packed: { xz: ImageBase; zst: ImageBase };
  let image: BuiltImage;
  let restore: () => void;
  const layers = () => readdir(path.join(folder, "cache", "piinit", "layers")).catch(() => []);
  const build = (base: ImageBase, changes: Partial<Manifest> = {}) =>
    buildImage(
      { manifest: { ...manifest, ...changes, base }, outputDir: path.join(folder, "out") },
      async () => assert.fail("no program is asked for"),
      { progress: silent, signal: new AbortController().signal },
    );
  const refused = (work: Promise<unknown>, message: RegExp) =>
    assert.rejects(work, (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.match(error.message, message);
      return true;
    });

  before("a card is made and given by a server", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit card "));
    // A plain user's namespace has another user as its root.
    await chmod(folder, 0o711);
    for (const name of ["install", "cache", "made"]) await mkdir(path.join(folder, name), { mode: 0o700 });
    await chmod(path.join(folder, "install"), 0o1777);
    restore = setEnvironment({ XDG_CACHE_HOME: path.join(folder, "cache"), TMPDIR: path.join(folder, "install") });
    card = await makeCard(path.join(folder, "made"));
    publisher = await startPublisher();
    await runOnHost("xz", ["--keep", "-0", "--threads=0", card]);
    await runOnHost("zstd", ["--quiet", "-1", card]);
    packed = { xz: await publish("card.img.xz"), zst: await publish("card.img.zst") };
  });

  after(async () => {
    await publisher?.close();
    restore();
    await rm(folder, { recursive: true, force: true });
  });

  async function publish(name: string): Promise<ImageBase> {
    const bytes = await readFile(path.join(folder, "made", name));
    publisher.publish(name, bytes);
    return { image: `${publisher.baseUrl}/${name}`, sha256: createHash("sha256").update(bytes).digest("hex") };
  }

  it("is refused when the file has another checksum than the settings say, and nothing of it stays", async () => {
    const sha256 = "0".repeat(64);
    await refused(
      build({ ...packed.zst, sha256 }),
      new RegExp(`${packed.zst.sha256} is the image's[\\s\\S]*${sha256} is in the settings`),
    );
    await refused(build({ image: card, sha256 }), /has another checksum than the settings say/);
    assert.deepEqual(await layers(), []);
  });

  it("is refused when the download ends early, and works when it is asked for again", async () => {
    const bytes = await readFile(path.join(folder, "made", "card.img.zst"));
    publisher.publish("card.img.zst", bytes, "cut");
    await refused(build(packed.zst), /can't be downloaded: 127\.0\.0\.1:\d+ can't be reached .* Try again/);
    assert.deepEqual(await layers(), []);
    publisher.publish("card.img.zst", bytes);
  });

  it("comes out of a second build when the first one was killed in the middle, with one download", async () => {
    publisher.asked.length = 0;
    await killedBuild(
      { manifest: { ...manifest, base: packed.xz }, outputDir: path.join(folder, "out") },
      /base: copying/,
    );
    assert.ok(!(await layers()).some((name) => /^base-[0-9a-f]+$/.test(name)), "a killed build left a layer");
    image = await build(packed.xz);
    assert.deepEqual(publisher.asked, ["card.img.xz"]);
    assert.deepEqual(
      (await layers()).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("has what the FAT partition had, and a command line that finds its root", async () => {
    const boot = path.join(folder, "read");
    await mkdir(boot);
    await runOnHost("mcopy", ["-s", "-i", `${path.relative(boot, image.path)}@@4M`, "::", "."], { cwd: boot });
    for (const [name, text] of Object.entries(bootFiles)) {
      if (name === "cmdline.txt") continue;
      const added = name === "config.txt" ? "\n[all]\ndtoverlay=rpi-poe\ngpu_mem=16\n" : "";
      assert.equal(await readFile(path.join(boot, name), "utf8"), text + added, name);
    }
    assert.equal(
      await readFile(path.join(boot, "cmdline.txt"), "utf8"),
      "console=serial0,115200 rootfstype=ext4 rootwait root=PARTUUID=7069696e-02 cgroup_enable=memory fsck.repair=yes\n",
    );
    const names = (await readdir(boot, { recursive: true })).filter((name) => name !== "overlays");
    assert.deepEqual(names.sort(), Object.keys(bootFiles).sort());
    const sector = (await readFile(image.path)).subarray(0, 512);
    assert.equal(sector.readUInt32LE(440), 0x7069696e);
  });

  it("keeps owners, modes, hard links, devices and capabilities of the base", async () => {
    const { get } = await inside(image);
    const first = get("opt/jail/first");
    assert.deepEqual([first.uid, first.gid, first.mode, first.names], [1000, 1000, 0o6751, 2]);
    assert.equal(get("opt/jail/second").inode, first.inode);
    const { type, mode, device } = get("opt/jail/null");
    assert.deepEqual([type, mode, device], ["character", 0o666, { major: 1, minor: 3 }]);
    assert.equal(get("usr/bin/env").attributes.get("security.capability"), capability.toString("latin1"));
    assert.equal(get("usr/bin/passwd").mode, 0o4755);
    assert.equal(get("usr/bin/sh").type, "link");
    assert.deepEqual([get("etc/shadow").mode, get("etc/shadow").gid], [0o640, 42]);
  });

  it("holds the manifest's files, and nothing that belongs to one machine or lets anybody in", async () => {
    const { get, has, textOf } = await inside(image);
    assert.equal(await textOf("etc/consul.d/gossip.json"), '{"encrypt":"a secret"}\n');
    assert.deepEqual([get("etc/consul.d/gossip.json").mode, get("etc/consul.d/gossip.json").uid], [0o600, 801]);
    assert.equal(get("etc/systemd/system/rpi-resize.service").target, "/dev/null");
    const passwd = await textOf("etc/passwd");
    assert.match(passwd, /^pi:x:1000:[\s\S]*^consul:x:801:/m);
    assert.match(await textOf("etc/shadow"), /^pi:!\*:19000:/m);
    assert.equal(await textOf("etc/hosts"), "127.0.0.1 localhost\n");
    assert.equal(await textOf("etc/machine-id"), "");
    for (const gone of ["etc/hostname", "etc/ssh/ssh_host_ed25519_key", "usr/sbin/policy-rc.d"])
      assert.ok(!has(gone), gone);
    assert.ok(has("boot/firmware") && !has("boot/firmware/config.txt"));
    assert.ok(has("usr/sbin/start-stop-daemon") && !has("usr/sbin/start-stop-daemon.REAL"));
    assert.ok(!(await textOf("etc/dpkg/dpkg.cfg.d/99mmdebstrap")).includes("unsafe"));
    const contents = JSON.parse(await readFile(image.path.replace(/img$/, "contents.json"), "utf8")) as Contents;
    assert.ok(contents.packages.some(({ name }) => name === "netbase"));
  });

  it("is the same from a local file, however it is compressed, and reused when its base is known", async () => {
    const sha256 = createHash("sha256")
      .update(await readFile(card))
      .digest("hex");
    const local = await build({ image: card, sha256 });
    const other = await build(packed.zst);
    for (const twin of [local, other]) assert.equal(twin.sha256, image.sha256);
    const moved = path.join(folder, "moved.img.zst");
    await copyFile(path.join(folder, "made", "card.img.zst"), moved);
    const again = await build({ ...packed.zst, image: moved });
    assert.deepEqual(again.reused, ["base", "packages", "programs"]);
  });

  it("has packages that the base lacks, from where the base takes its own", async () => {
    const { reused, path: file } = await build(packed.xz, { packages: ["netbase", "nftables"] });
    assert.deepEqual(reused, ["base"]);
    const contents = JSON.parse(await readFile(file.replace(/img$/, "contents.json"), "utf8")) as Contents;
    for (const name of ["netbase", "nftables", "libnftables1"])
      assert.ok(
        contents.packages.some((item) => item.name === name),
        name,
      );
    const { has, textOf } = await inside({ path: file });
    assert.ok(has("usr/sbin/nft"));
    assert.ok(!has("etc/resolv.conf"), "the builder's own name servers");
    assert.equal(await textOf("etc/machine-id"), "");
  });

  it("names a package that the base's own source does not have", async () => {
    await refused(
      build(packed.xz, { packages: ["no-such-package-as-this"] }),
      /the base image's .* has no package no-such/,
    );
    assert.deepEqual(
      (await readdir(path.join(folder, "install"))).filter((name) => name.startsWith("piinit-")),
      [],
    );
  });

  it("says when the base does not fit, is for other processors, or can't be opened", async () => {
    const small = { ...manifest.disk, rootMiB: 96 };
    await refused(build(packed.xz, { disk: small }), /root partition of 96 MiB, but .* MiB: take a smaller base/);
    await refused(build(packed.xz, { architecture: "armhf" }), /, but the board needs one for armhf/);
    const zip = path.join(folder, "made", "zip.img");
    await writeFile(zip, Buffer.from("504b030400000000", "hex"));
    const sha256 = createHash("sha256")
      .update(await readFile(zip))
      .digest("hex");
    await refused(build({ image: zip, sha256 }), /is a zip archive: unpack it/);
    await refused(build({ image: path.join(folder, "none.img"), sha256 }), /can't be read on the machine that builds/);
    const half = path.join(folder, "made", "half.img");
    await writeFile(half, (await readFile(card)).subarray(0, 100 * 1024 * 1024));
    const sum = createHash("sha256")
      .update(await readFile(half))
      .digest("hex");
    await refused(build({ image: half, sha256: sum }), /ends before its partitions do|is damaged/);
  });
});

/** The root file system of an image, read by the project's own reader. */
async function inside({ path: file }: Pick<BuiltImage, "path">) {
  const handle = await open(file);
  const read = async (offset: number, length: number) =>
    (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
  const { root } = findPartitions(await read(0, 512));
  const fileSystem = await openExt4((offset, length) => read(root.offset + offset, length));
  const entries = new Map<string, Awaited<ReturnType<typeof fileSystem.find>>>();
  const texts = new Map<string, string>();
  for await (const entry of fileSystem.walk()) {
    entries.set(entry.path, entry);
    if (entry.type !== "file" || !entry.path.startsWith("etc/")) continue;
    const pieces: Buffer[] = [];
    for await (const piece of fileSystem.content(entry)) pieces.push(piece);
    texts.set(entry.path, Buffer.concat(pieces).toString());
  }
  await handle.close();
  return {
    get: (name: string) => entries.get(name) ?? assert.fail(`no ${name}`),
    has: (name: string) => entries.has(name),
    textOf: async (name: string) => texts.get(name) ?? assert.fail(`no ${name}`),
  };
}

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { burn } from "../../../burn/burn.ts";
import { bytesToWrite } from "../../../burn/extents.ts";
import { inspectImage } from "../../../burn/image-file.ts";
import { hostArchitecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { silent } from "../../../lib/progress.ts";
import { compress } from "../../../steps/image/compress.ts";
import { findPartitions } from "../../../steps/image/existing/partitions.ts";
import { buildImage } from "../../../steps/image/layers/build-image.ts";
import type { FetchProgram } from "../../../steps/image/layers/cached-layers.ts";
import type { Contents } from "../../../steps/image/layers/contents.ts";
import type { BuiltImage } from "../../../steps/image/manifest/contract.ts";
import { diskGeometry } from "../../../steps/image/manifest/geometry.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { setEnvironment } from "../../environment.ts";
import { makeUsedCard } from "../../unit/burn/disk.ts";
import { testManifest } from "../../unit/image/manifest.ts";
import { attributesOf, debugfs, firstSector, namesIn, textOf } from "./look.ts";
import { killedBuild, runVerb } from "./verbs.ts";

const architecture = hostArchitecture() ?? "amd64";
const unit = "/etc/systemd/system/a\\x2db.service";
const manifest = testManifest({
  architecture,
  packages: [`linux-image-cloud-${architecture}`, "openssh-server", "systemd-resolved"],
  programs: [{ name: "consul", version: "1.2.3", path: "/usr/local/bin/consul" }],
  users: [{ name: "consul", id: 801, home: "/var/lib/consul" }],
  directories: [{ path: "/var/lib/consul", mode: "0750", owner: "consul" }],
  files: [
    { path: "/etc/consul.d/gossip.json", mode: "0600", owner: "consul", text: '{"encrypt":"a secret"}\n' },
    { path: "/lib/systemd/system/hello.service", mode: "0644", owner: "root", text: "[Unit]\n" },
    { path: "/etc/issue", mode: "0644", owner: "root", text: "replaced\n" },
    { path: unit, mode: "0644", owner: "root", text: "[Unit]\n" },
  ],
  links: [{ path: "/etc/systemd/system/multi-user.target.wants/hello.service", target: "../hello.service" }],
  boot: { modules: ["virtio_blk", "virtio_net", "ext4"], commandLine: "console=ttyS0 quiet", files: [] },
});

describe("a built image", function () {
  this.timeout(30 * 60_000);
  let folder: string;
  let image: BuiltImage;
  let twin: BuiltImage;
  let restore: () => void;
  const out = (...parts: string[]) => path.join(folder, "out", ...parts);
  const layers = () => readdir(path.join(folder, "cache", "piinit", "layers"));

  before("a build is killed, then two run at once", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit image "));
    await mkdir(path.join(folder, "install"));
    // A plain user's namespace has another user as its root.
    await chmod(folder, 0o711);
    await chmod(path.join(folder, "install"), 0o1777);
    await mkdir(path.join(folder, "cache"), { mode: 0o700 });
    restore = setEnvironment({ XDG_CACHE_HOME: path.join(folder, "cache"), TMPDIR: path.join(folder, "install") });
    await writeFile(path.join(folder, "program"), "#!/bin/sh\n");

    await killedBuild({ manifest: { ...manifest, programs: [] }, outputDir: out() }, /packages: unpacking/);
    for (let tries = 0; (await unfinishedSystems()).length > 0; tries++) {
      assert.ok(tries < 600, "a killed build's programs went on");
      await delay(100);
    }
    assert.ok(!(await layers()).some((name) => /^packages-[0-9a-f]+$/.test(name)), "a killed build left a layer");
    [image, twin] = await Promise.all([build(manifest), build({ ...manifest, name: "router" })]);
  });

  after(async () => {
    restore();
    await rm(folder, { recursive: true, force: true });
  });

  const fetchProgram: FetchProgram = async () => ({
    path: path.join(folder, "program"),
    version: "1.2.3",
    sha256: "0".repeat(64),
  });
  const build = (wanted: Manifest, outputDir = out(), fetch = fetchProgram) =>
    buildImage({ manifest: wanted, outputDir }, fetch, { progress: silent, signal: new AbortController().signal });
  const withText = (text: string): Manifest => ({
    ...manifest,
    files: manifest.files.map((file) => (file.path === "/etc/issue" ? { ...file, text } : file)),
  });

  it("comes out of two builds at once, which share the packages", () => {
    assert.equal([image, twin].filter(({ reused }) => reused.includes("packages")).length, 1);
    assert.notEqual(image.path, twin.path);
  });

  it("leaves nothing unfinished, though the first build was killed", async () => {
    const names = [...(await layers()), ...(await readdir(out()))];
    assert.ok(!names.some((name) => name.endsWith(".tmp")), names.join(" "));
    assert.deepEqual(await unfinishedSystems(), []);
  });

  it("is a disk of the promised size, sum and permissions", async () => {
    const { size, mode } = await stat(image.path);
    assert.equal(size, (4 + 32 + 320) * 1024 * 1024);
    assert.equal(image.bytes, size);
    assert.equal(mode & 0o777, 0o600);
    const [sum] = (await runOnHost("sha256sum", [image.path])).split(" ");
    assert.equal(sum, image.sha256);
    const start = await firstSector(image.path);
    assert.deepEqual([start[450], start[466], start.readUInt16LE(510)], [0x0c, 0x83, 0xaa55]);
  });

  it("has the kernel, the initial RAM disk and the command line on the boot partition", async () => {
    await runOnHost("mcopy", ["-i", `${image.path}@@4M`, "::cmdline.txt", path.join(folder, "cmdline.txt")]);
    const commandLine = await readFile(path.join(folder, "cmdline.txt"), "utf8");
    assert.equal(commandLine, "console=ttyS0 quiet root=/dev/vda2\n");
    const listing = await runOnHost("mdir", ["-b", "-i", `${image.path}@@4M`, "::"]);
    assert.deepEqual(listing.trim().split("\n").toSorted(), ["::/cmdline.txt", "::/initrd.img", "::/vmlinuz"]);
  });

  it("has files, directories, links and programs with their owners and permissions", async () => {
    assert.equal(await textOf(image.path, "/etc/consul.d/gossip.json"), '{"encrypt":"a secret"}\n');
    assert.equal(await attributesOf(image.path, "/etc/consul.d/gossip.json"), "regular 0600 801 801");
    assert.equal(await attributesOf(image.path, "/etc/consul.d"), "directory 0755 0 0");
    assert.equal(await attributesOf(image.path, "/var/lib/consul"), "directory 0750 801 801");
    assert.equal(await textOf(image.path, "/usr/lib/systemd/system/hello.service"), "[Unit]\n");
    assert.equal(await textOf(image.path, "/etc/issue"), "replaced\n");
    assert.equal(await attributesOf(image.path, unit), "regular 0644 0 0");
    assert.equal(await attributesOf(image.path, "/usr/local/bin/consul"), "regular 0755 0 0");
    const link = await debugfs(image.path, "stat /etc/systemd/system/multi-user.target.wants/hello.service");
    assert.match(link, /Fast link dest: "\.\.\/hello\.service"/);
  });

  it("has the manifest's users beside those of the packages", async () => {
    const passwd = await textOf(image.path, "/etc/passwd");
    assert.match(passwd, /^consul:x:801:801::\/var\/lib\/consul:\/usr\/sbin\/nologin$/m);
    assert.match(passwd, /^sshd:/m);
    assert.match(await textOf(image.path, "/etc/shadow"), /^consul:!\*:/m);
    assert.match(await attributesOf(image.path, "/etc/shadow"), /^regular 0640 0 42$/);
  });

  it("holds nothing that belongs to one machine or to the build", async () => {
    assert.equal(await textOf(image.path, "/etc/machine-id"), "");
    const etc = await namesIn(image.path, "/etc");
    assert.ok(etc.includes("passwd") && !etc.includes("hostname") && !etc.includes("passwd-"), etc.join(" "));
    assert.deepEqual(
      (await namesIn(image.path, "/etc/ssh")).filter((name) => name.startsWith("ssh_host")),
      [],
    );
    assert.ok(!(await namesIn(image.path, "/var/lib/systemd")).includes("random-seed"));
    for (const empty of ["/dev", "/run", "/tmp", "/proc", "/mnt", "/var/cache/apt/archives/partial"]) {
      assert.deepEqual(await namesIn(image.path, empty), [], empty);
    }
    const sbin = await namesIn(image.path, "/usr/sbin");
    assert.ok(sbin.includes("start-stop-daemon") && !sbin.includes("start-stop-daemon.REAL"));
    assert.ok(!sbin.includes("policy-rc.d"));
    assert.ok(!(await textOf(image.path, "/etc/dpkg/dpkg.cfg.d/99mmdebstrap")).includes("unsafe"));
    assert.deepEqual(
      (await namesIn(image.path, "/boot")).filter((name) => name.startsWith("initrd")),
      [],
    );
  });

  it("tells systemd that nothing has to be updated on the first boot", async () => {
    const time = async (file: string) =>
      Number(/mtime: (0x[0-9a-f]+)/.exec(await debugfs(image.path, `stat ${file}`))?.[1]);
    const usr = await time("/usr");
    assert.ok(usr > 0 && (await time("/etc/.updated")) >= usr && (await time("/var/.updated")) >= usr);
  });

  it("has a list of its contents beside it, without the text of any file", async () => {
    const file = image.path.replace(/\.img$/, ".contents.json");
    const text = await readFile(file, "utf8");
    const contents = JSON.parse(text) as Contents;
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok(!text.includes("a secret"));
    assert.deepEqual([contents.sha256, contents.bytes], [image.sha256, image.bytes]);
    const ssh = contents.packages.find(({ name }) => name === "openssh-server");
    assert.match(ssh?.version ?? "", /^1:\d/);
    assert.equal(ssh?.architecture, architecture);
    assert.deepEqual(contents.programs, [
      { name: "consul", version: "1.2.3", path: "/usr/local/bin/consul", sha256: "0".repeat(64) },
    ]);
    const listed = (name: string) => contents.files.find((entry) => entry.path.endsWith(name));
    assert.equal(listed("issue")?.sha256?.length, 64);
    const gossip = listed("gossip.json");
    assert.deepEqual([gossip?.mode, gossip?.owner, gossip?.sha256], ["0600", "consul", undefined]);
  });

  it("has a block map beside it, with which a card that was used before gets sound file systems", async () => {
    const file = await inspectImage(image.path);
    assert.equal(file.map?.imageBytes, image.bytes);
    assert.ok((bytesToWrite(file) ?? 0) < image.bytes * 0.9);
    const card = path.join(folder, "card.img");
    await makeUsedCard(card, image.bytes);
    const context = { signal: new AbortController().signal, report() {} };
    await burn(file, { kind: "file", path: card, bytes: image.bytes }, context);
    const { root } = diskGeometry(manifest.disk);
    await runOnHost("e2fsck", ["-f", "-n", `card.img?offset=${root.offset}`], { cwd: folder });
    assert.equal(await textOf(card, "/etc/issue"), "replaced\n");
    await rm(card);
  });

  it("is reused when the manifest is the same, and made with the same bytes elsewhere", async () => {
    const again = await build(manifest);
    assert.deepEqual(
      { ...again, seconds: 0 },
      { ...image, seconds: 0, reused: ["base", "packages", "programs", "image"] },
    );
    const elsewhere = await build(manifest, path.join(folder, "elsewhere"));
    assert.equal(elsewhere.sha256, image.sha256);
  });

  it("is as small as its files allow, where the machine makes the root file system larger", async () => {
    const small = await build({ ...manifest, disk: { ...manifest.disk, grows: true } }, path.join(folder, "small"));
    assert.deepEqual(small.reused, ["base", "packages"]);
    const { boot, root } = findPartitions(await firstSector(small.path));
    assert.deepEqual(boot, diskGeometry(manifest.disk).boot);
    assert.equal(root.offset + root.bytes, small.bytes);
    assert.ok(small.bytes < image.bytes * 0.9, `${small.bytes} of ${image.bytes} bytes`);
    const superblock = await debugfs(small.path, "show_super_stats -h");
    assert.match(superblock, new RegExp(`^Block count: +${root.bytes / 4096}$`, "m"));
    assert.equal(await textOf(small.path, "/etc/issue"), await textOf(image.path, "/etc/issue"));
  });

  it("is made anew from the cached packages when a file changes; the one before stays, older ones go", async () => {
    const second = await build(withText("second\n"));
    const third = await build(withText("third\n"));
    for (const { reused } of [second, third]) assert.deepEqual(reused, ["base", "packages", "programs"]);
    assert.equal(await textOf(third.path, "/etc/issue"), "third\n");
    assert.equal(new Set([image.sha256, second.sha256, third.sha256]).size, 3);
    const images = (await readdir(out())).filter((name) => name.endsWith(".img"));
    assert.deepEqual(images.toSorted(), [twin, second, third].map((built) => path.basename(built.path)).toSorted());
    image = third;
  });

  it("names a package that does not exist, and the log", async () => {
    const packages = [...manifest.packages, "no-such-package-as-this"];
    await assert.rejects(build({ ...manifest, packages }), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /has no package no-such-package-as-this/);
      assert.match(error.message, /whole log: .*\.log/);
      return true;
    });
    assert.deepEqual(await unfinishedSystems(), []);
  });

  it("says how much room is missing on the root partition, for packages and for programs", async () => {
    const small = { ...manifest, packages: ["netbase"], disk: { ...manifest.disk, rootMiB: 64 } };
    await assert.rejects(build(small), /"server" has a root partition of 64 MiB, but its files need about 1\d\d MiB/);
    const large = path.join(folder, "large");
    await writeFile(large, Buffer.alloc(300 * 1024 * 1024, 1));
    const fetchLarge: FetchProgram = async () => ({ path: large, version: "1", sha256: "0" });
    const programs = [{ name: "nomad" as const, version: "1.2.3", path: "/usr/local/bin/nomad" }];
    await assert.rejects(
      build({ ...manifest, programs }, out(), fetchLarge),
      /root partition of 320 MiB, but .* 5\d\d MiB/,
    );
  });

  it("names a kernel module that the kernel has not", async () => {
    const boot = { ...manifest.boot, modules: ["ext4", "no_such_module"] };
    await assert.rejects(build({ ...manifest, boot }), /has no module no_such_module/);
  });

  it("has a compressed copy when asked, for its owner alone", async () => {
    const { path: file } = await build(manifest);
    const copy = await compress(file, silent);
    const { mode, mtimeMs } = await stat(copy.path);
    assert.equal(mode & 0o777, 0o600);
    await runOnHost("sh", ["-c", 'zstd --decompress --stdout "$1" | cmp - "$2"', "sh", copy.path, file]);
    assert.deepEqual([await compress(file, silent), (await stat(copy.path)).mtimeMs], [copy, mtimeMs]);
  });

  it("is deleted with all that belongs to it, the folder last, and deleting it again does nothing", async () => {
    await mkdir(out(".router-0123456789abcdef.tmp"));
    for (let time = 0; time < 2; time++) {
      const input = { manifest: { ...manifest, name: "router" }, outputDir: out() };
      assert.equal(await runVerb("delete", input), 0);
    }
    const left = await readdir(out());
    assert.deepEqual(
      left.filter((name) => name.includes("router")),
      [],
    );
    assert.ok(left.some((name) => name.startsWith("server")));
    await runVerb("delete", { manifest, outputDir: out() });
    await assert.rejects(readdir(out()), { code: "ENOENT" });
  });
});

/** Systems that are being installed; TypeScript's loader has a folder of its own beside them. */
async function unfinishedSystems(): Promise<string[]> {
  return (await readdir(process.env.TMPDIR ?? "")).filter((name) => name.startsWith("piinit-"));
}

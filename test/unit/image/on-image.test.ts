import assert from "node:assert/strict";
import type { Ext4Entry } from "../../../formats/ext4/ext4.ts";
import { baseImageArguments } from "../../../steps/image/existing/base-image-arguments.ts";
import { deviceCommands } from "../../../steps/image/existing/device-nodes.ts";
import { layerNames } from "../../../steps/image/layers/layer-names.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { imageWith, linkOf, textOf } from "./roles/fixture.ts";

const base = { image: "https://example.org/raspios-lite.img.xz", sha256: "a".repeat(64) };
const onImage = imageWith({ ssh: { keys: [] }, "node-exporter": true }, { board: "pi3", base });
const onDebian = imageWith({ ssh: { keys: [] }, "node-exporter": true }, { board: "pi3" });

describe("an image that is made from an existing one", () => {
  it("brings no kernel, no firmware and no initial RAM disk of its own, but the packages of its roles", () => {
    const { packages, boot } = onImage;
    assert.deepEqual(
      packages.filter((name) => /^(linux-|raspi-|firmware-|busybox)/.test(name)),
      [],
    );
    for (const name of ["openssh-server", "prometheus-node-exporter", "systemd-resolved"])
      assert.ok(packages.includes(name), name);
    assert.deepEqual([boot.modules, boot.files], [[], []]);
    assert.match(boot.commandLine, /(^| )cgroup_enable=memory( |$)/);
  });

  it("has the same roles, accounts and programs as one of Debian's packages", () => {
    assert.deepEqual(onImage.users, onDebian.users);
    assert.deepEqual(onImage.programs, onDebian.programs);
    const paths = new Set(onImage.files.map(({ path }) => path));
    assert.deepEqual(
      onDebian.files.filter(({ path }) => !paths.has(path)),
      [],
    );
  });

  it("has room for the kernels of all boards", () => {
    const { slots: _, ...disk } = onDebian.disk;
    assert.deepEqual(onImage.disk, { ...disk, bootMiB: 512, rootMiB: 3072 });
  });

  it("keeps the base from setting up network, name, user, partitions and swap by itself", () => {
    assert.equal(textOf(onImage, "/etc/cloud/cloud-init.disabled"), "");
    for (const unit of [
      "NetworkManager.service",
      "dphys-swapfile.service",
      "regenerate_ssh_host_keys.service",
      "rpi-resize.service",
      "systemd-firstboot.service",
      "userconfig.service",
    ])
      assert.equal(linkOf(onImage, `/etc/systemd/system/${unit}`), "/dev/null", unit);
    for (const generator of ["netplan", "rpi-swap-generator"])
      assert.equal(linkOf(onImage, `/etc/systemd/system-generators/${generator}`), "/dev/null", generator);
  });

  it("can have every role at once, none of which brings the same file", () => {
    const all = {
      nomad: { role: "both", docker: true, dockerFolders: false, volumes: {} },
      dnsmasq: "machine",
      "node-exporter": true,
      prometheus: true,
      terraform: true,
      wifi: { ssid: "home", country: "DE", passphrase: "correct horse" },
    } as const;
    assert.doesNotThrow(() => imageWith(all, { board: "pi4", base }));
    assert.doesNotThrow(() => imageWith({ ...all, ssh: { keys: [] } }, { board: "pi4", base }));
  });

  it("shares its base layer with images whose base has the same checksum", () => {
    const names = (manifest: Manifest, change: object) => layerNames({ ...manifest, base: { ...base, ...change } });
    const before = names(onImage, {});
    assert.equal(names(onImage, { image: "/elsewhere/os.img.xz" }).base, before.base);
    assert.equal(names(onImage, { image: "/elsewhere/os.img.xz" }).packages, before.packages);
    assert.notEqual(names(onImage, { sha256: "b".repeat(64) }).base, before.base);
    assert.notEqual(names({ ...onImage, architecture: "armhf" }, {}).base, before.base);
    assert.notEqual(names({ ...onImage, packages: [] }, {}).packages, before.packages);
    assert.notEqual(before.base, layerNames(onDebian).base);
  });
});

describe("the packages that an existing image lacks", () => {
  it("are installed by its own apt, after all lists could be read", () => {
    const hooks = baseImageArguments(["nftables", "git"]).filter((word) => word.startsWith("--customize-hook"));
    assert.equal(hooks.length, 2);
    assert.match(hooks[0] ?? "", /chroot "\$1" env .* apt-get .* update --error-on=any$/);
    assert.match(hooks[1] ?? "", /chroot "\$1" env .* apt-get .* install -- nftables git$/);
    assert.ok(!hooks.some((hook) => hook.includes("upgrade")));
  });

  it("need no network when there are none", () => {
    assert.doesNotMatch(baseImageArguments([]).join("\n"), /apt-get/);
  });
});

describe("device nodes of an existing image", () => {
  const device = (changes: Partial<Ext4Entry>): Ext4Entry => ({
    path: "opt/jail/null",
    type: "character",
    mode: 0o666,
    uid: 0,
    gid: 5,
    time: 1_000_000_000,
    size: 0,
    inode: 12,
    names: 1,
    target: "",
    device: { major: 1, minor: 3 },
    attributes: new Map(),
    ...changes,
  });

  it("are written with their numbers, owners and modes", () => {
    const lines = deviceCommands([device({}), device({ path: "sda", type: "block", mode: 0o660 })]).split("\n");
    assert.deepEqual(lines.slice(0, 5), [
      'cd "/opt/jail"',
      'mknod "null" c 1 3',
      'set_inode_field "/opt/jail/null" mode 020666',
      'set_inode_field "/opt/jail/null" uid 0',
      'set_inode_field "/opt/jail/null" gid 5',
    ]);
    assert.ok(lines.includes('cd "/."') && lines.includes('set_inode_field "/sda" mode 060660'));
  });
});

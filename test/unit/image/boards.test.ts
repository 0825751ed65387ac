import assert from "node:assert/strict";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { type BoardName, boardNames } from "../../../steps/image/boards/catalogue.ts";
import { deviceTrees } from "../../../steps/image/boot/boot-files.ts";
import { packagesArguments } from "../../../steps/image/debian/debian-arguments.ts";
import { parseTree } from "../../../steps/image/filesystem/tree.ts";
import { diskGeometry, rootDevice } from "../../../steps/image/manifest/geometry.ts";
import type { DebianBase, Manifest, ManifestOf } from "../../../steps/image/manifest/manifest.ts";
import type { ImagePlan } from "../../../steps/image/plan/plan.ts";
import { cardLayout } from "../../../steps/image/roles/card.ts";
import { imageWith, textOf } from "./roles/fixture.ts";

const manifestOf = (board: BoardName, more: Partial<ImagePlan> = {}): Manifest => imageWith({}, { board, ...more });
const boards = boardNames.filter((board) => board !== "lab");
const bootText = ({ boot }: Manifest, path: string) =>
  boot.files.flatMap((file) => ("text" in file && file.path === path ? [file.text] : []))[0] ?? "";
const bootPaths = ({ boot }: Manifest) => boot.files.flatMap((file) => ("path" in file ? [file.path] : []));

const deviceTreesOfDebian = [
  ...["bcm2711-rpi-4-b", "bcm2711-rpi-400", "bcm2711-rpi-cm4-io", "bcm2712-d-rpi-5-b", "bcm2712-rpi-5-b"],
  ...["bcm2835-rpi-a-plus", "bcm2835-rpi-a", "bcm2835-rpi-b-plus", "bcm2835-rpi-b-rev2", "bcm2835-rpi-b"],
  ...["bcm2835-rpi-cm1-io1", "bcm2835-rpi-zero-w", "bcm2835-rpi-zero", "bcm2836-rpi-2-b", "bcm2837-rpi-2-b"],
  ...["bcm2837-rpi-3-a-plus", "bcm2837-rpi-3-b-plus", "bcm2837-rpi-3-b", "bcm2837-rpi-cm3-io3", "bcm2837-rpi-zero-2-w"],
  ...["bcm21664-garnet", "rk3399-rock-pi-4b"],
];

describe("a board's image", () => {
  it("has one kernel", () => {
    for (const board of boards)
      assert.equal(manifestOf(board).packages.filter((name) => name.startsWith("linux-image-")).length, 1, board);
  });

  it("has the board's architecture", () => {
    assert.deepEqual(Object.fromEntries(boards.map((board) => [board, manifestOf(board).architecture])), {
      amd64: "amd64",
      arm64: "arm64",
      pi2: "armhf",
      pi3: "arm64",
      pi4: "arm64",
      pi5: "arm64",
      "pi-zero": "armel",
    });
  });

  it("restarts after a kernel panic, whatever its base", () => {
    const sha256 = "0".repeat(64);
    for (const board of [...boards, "lab"] as const)
      assert.match(manifestOf(board).boot.commandLine, / panic=[1-9]\d*( |$)/, board);
    assert.match(manifestOf("pi3", { base: { image: "/a.img", sha256 } }).boot.commandLine, / panic=[1-9]\d*( |$)/);
  });

  it("mounts nothing by label, because another disk may have the same one", () => {
    for (const board of [...boards, "lab"] as const) {
      const manifest = manifestOf(board);
      assert.doesNotMatch(`${manifest.boot.commandLine} ${rootDevice(manifest.disk)}`, /LABEL|by-label/);
      for (const { path, text } of manifest.files) assert.doesNotMatch(text, /LABEL=|by-label|blkid -L/, path);
    }
  });

  it("lets Nomad limit memory on a Raspberry Pi, whose firmware turns that off", () => {
    for (const board of ["pi2", "pi3", "pi4", "pi5", "pi-zero"] as const)
      assert.match(manifestOf(board).boot.commandLine, /(^| )cgroup_enable=memory( |$)/);
  });

  it("has the files that each Raspberry Pi's firmware needs", () => {
    const names = (board: BoardName) => bootPaths(manifestOf(board));
    assert.ok(["bootcode.bin", "start.elf", "fixup.dat"].every((name) => names("pi3").includes(name)));
    assert.ok(["start4.elf", "fixup4.dat"].every((name) => names("pi4").includes(name)));
    assert.ok(!names("pi4").includes("bootcode.bin"), "a Pi 4 has it in a chip");
    assert.match(bootText(manifestOf("pi3"), "config.txt"), /^arm_64bit=1$/m);
    assert.doesNotMatch(bootText(manifestOf("pi-zero"), "config.txt"), /arm_64bit/);
  });

  it("has every device tree that the kernel's package has for the models of its line", () => {
    // As Debian's packages have them: 6.12 of trixie, and 7.3 of its backports, which has them in another place.
    const trixie = { version: "6.12.117+deb13-arm64", folder: "/usr/lib/linux-image-6.12.117+deb13-arm64/broadcom" };
    const small = { version: "6.12.117+deb13-armmp", folder: "/usr/lib/linux-image-6.12.117+deb13-armmp" };
    const newer = { version: "7.3.4+deb13-arm64", folder: "/usr/lib/modules/7.3.4+deb13-arm64/dtb/broadcom" };
    const models = (board: BoardName, { version, folder }: typeof trixie) => {
      const tree = parseTree(
        deviceTreesOfDebian.map((name) => `f 0644 0 0 9 ${folder.slice(1)}/${name}.dtb\0\0`).join(""),
      );
      const [prefixes = []] = manifestOf(board).boot.files.flatMap((file) =>
        "deviceTrees" in file ? [file.deviceTrees] : [],
      );
      return deviceTrees(tree, version, prefixes).map(({ path, copyOf }) => {
        assert.equal(copyOf, `${folder}/${path}`);
        return path.replace(/^bcm\d+-/, "").replace(/\.dtb$/, "");
      });
    };
    assert.deepEqual(models("pi5", newer), ["d-rpi-5-b", "rpi-5-b"]);
    assert.deepEqual(models("pi4", trixie), ["rpi-4-b", "rpi-400", "rpi-cm4-io"]);
    assert.deepEqual(models("pi3", trixie), [
      "rpi-2-b",
      "rpi-3-a-plus",
      "rpi-3-b-plus",
      "rpi-3-b",
      "rpi-cm3-io3",
      "rpi-zero-2-w",
    ]);
    assert.deepEqual(models("pi2", small), ["rpi-2-b", "rpi-2-b"]);
    assert.deepEqual(models("pi-zero", small).length, 8);
    assert.throws(
      () => models("pi5", { ...newer, version: "8.0" }),
      /The kernel 8\.0 has no device tree bcm2712-\*\.dtb/,
    );
  });

  it("appends the settings' kernel parameters and firmware lines to its own", () => {
    const { boot } = manifestOf("pi3", {
      boot: { kernel: ["usb-storage.quirks=152d:0578:u"], config: ["gpu_mem=16"] },
    });
    assert.match(boot.commandLine, / panic=10 piinit\.trial quiet usb-storage\.quirks=152d:0578:u$/);
    assert.deepEqual(boot.config, ["gpu_mem=16"]);
    assert.equal(manifestOf("pi3").boot.config, undefined);
  });

  it("is found by UEFI on a partition of its type, under its architecture's name", () => {
    for (const [board, name] of [
      ["amd64", "EFI/BOOT/BOOTX64.EFI"],
      ["arm64", "EFI/BOOT/BOOTAA64.EFI"],
    ] as const) {
      const manifest = manifestOf(board);
      assert.ok(bootPaths(manifest).includes(name));
      assert.equal(masterBootRecord(diskGeometry(manifest.disk), 1)[450], 0xef);
      assert.match(bootText(manifest, "loader/entries/piinit-A.conf"), /^options COMMANDLINE$/m);
    }
  });

  it("takes the Pi 5's kernel from the backports, and nothing else", () => {
    const argumentsOf = (board: BoardName) => packagesArguments(manifestOf(board) as ManifestOf<DebianBase>).join("\n");
    const hooks = argumentsOf("pi5");
    assert.match(hooks, / linux-image-arm64\/trixie-backports /);
    assert.equal(hooks.match(/\/trixie-backports/g)?.length, 1);
    assert.doesNotMatch(argumentsOf("pi4"), /backports/);
  });
});

describe("a card", () => {
  const script = (more: Partial<ImagePlan> = {}) => textOf(manifestOf("pi3", more), "/usr/lib/piinit/prepare-card");

  it("has room for a second system between the first and the data", () => {
    const { disk } = manifestOf("pi3");
    const { slotMiB, dataStartMiB } = cardLayout(disk);
    assert.equal(dataStartMiB, diskGeometry(disk).root.offset / 2 ** 20 + 2 * slotMiB);
    assert.ok(dataStartMiB < 7000, "a card of 8 GB is enough");
    assert.match(script(), new RegExp(`start=${dataStartMiB * 2048}, type=83`));
  });

  it("erases an earlier image's data unless keepData is set", () => {
    assert.match(script(), /dd if=\/dev\/zero/);
    assert.doesNotMatch(script({ keepData: true }), /dd if=\/dev\/zero/);
  });

  it("is not mounted if preparing it failed, and nothing else is mounted instead", () => {
    const [data = ""] = textOf(manifestOf("pi3"), "/etc/fstab")
      .split("\n")
      .filter((line) => line.includes(" /data "));
    assert.match(data, /^\/dev\/piinit\/data /);
    assert.match(data, /x-systemd\.requires=prepare-card\.service/);
  });

  it("is never written to by the system when its root is read-only", () => {
    const manifest = manifestOf("pi3", { readOnlyRoot: true });
    assert.match(manifest.boot.commandLine, / piinit\.overlay$/);
    assert.ok(manifest.boot.modules.includes("overlay"));
    assert.doesNotMatch(textOf(manifest, "/etc/fstab"), / \/ /);
    assert.doesNotMatch(script({ readOnlyRoot: true }), /resize2fs/);
    assert.match(script(), /resize2fs/);
  });

  it("waits for the time only on boards without a clock, and never in the lab", () => {
    const waits = (board: BoardName) =>
      manifestOf(board).links.some(
        ({ path, target }) => path.endsWith(".wants/systemd-time-wait-sync.service") && target !== "/dev/null",
      );
    assert.deepEqual(
      ["pi3", "pi-zero", "amd64", "lab"].map((board) => waits(board as BoardName)),
      [true, true, false, false],
    );
  });
});

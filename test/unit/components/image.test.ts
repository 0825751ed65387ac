import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";
import { faultsOf, home } from "./home.ts";

describe("what an image is made from", () => {
  const sha256 = "0123456789abcdef".repeat(4);
  const snapshot = "http://snapshots.example/ARCHIVE/20260801T000000Z";
  const withImage = (image: object) => home({ images: { server: { roles: { consul: "server" }, ...image } } });
  const baseOf = (base: object) =>
    parseSettings(withImage({ board: "pi3", base }), "home").images.server?.base ?? assert.fail();

  it("is Debian trixie unless another suite, a moment or an image is named", () => {
    assert.deepEqual(parseSettings(home(), "home").images.server?.base, { suite: "trixie", snapshot: undefined });
    assert.deepEqual(baseOf({ snapshot }), { suite: "trixie", snapshot });
    assert.deepEqual(baseOf({ image: "downloads/os.img.zst", sha256: sha256.toUpperCase() }), {
      image: "downloads/os.img.zst",
      sha256,
    });
  });

  it("is refused when it is half of one, or of a kind that can't be opened", () => {
    const refused = (base: object, fault: string) =>
      assert.ok(faultsOf(withImage({ board: "pi3", base })).includes(`piinit:images.server.base${fault}`), fault);
    refused({ image: "os.img.xz" }, "  this map must have image and sha256");
    refused({ sha256 }, "  this map must have image and sha256");
    refused({ image: "os.img.xz", sha256: "123" }, ".sha256  123 must be the sum");
    refused({ image: "os.zip", sha256 }, ".image  os.zip must be a file or an address that ends in");
    refused({ image: "os.img", sha256, suite: "trixie" }, "  this map must be either");
    refused({ snapshot: "yesterday" }, ".snapshot  yesterday must be the address of an archive");
    refused({ suite: "trixie main" }, '.suite  "trixie main" must be a suite');
    refused({ distribution: "arch" }, ".distribution  arch must be debian");
    refused({ mirror: "here" }, ".mirror  is unknown: must be distribution, suite, snapshot, image or sha256");
  });

  it("can be an image on a Raspberry Pi only, whose root can't be read-only", () => {
    const base = { image: "os.img", sha256 };
    assert.match(
      faultsOf(withImage({ board: "amd64", base })),
      /images\.server\.base {2}must be a suite of Debian on amd64/,
    );
    assert.match(
      faultsOf(withImage({ board: "pi3", base, readOnlyRoot: true })),
      /images\.server\.readOnlyRoot {2}must be left out: an existing image/,
    );
  });
});

describe("how an image boots", () => {
  const base = { image: "os.img", sha256: "0".repeat(64) };
  const withImage = (image: object) => home({ images: { server: { roles: { consul: "server" }, ...image } } });
  const bootOf = (boot: object, more: object = {}) =>
    parseSettings(withImage({ board: "pi4", boot, ...more }), "home").images.server?.boot;
  const refused = (boot: object, fault: RegExp, more: object = {}) =>
    assert.match(faultsOf(withImage({ board: "pi4", boot, ...more })), fault);

  it("may have words for the kernel and lines for a Raspberry Pi's firmware", () => {
    const boot = { kernel: ["usb-storage.quirks=152d:0578:u"], config: ["gpu_mem=16", "[pi4]", "arm_boost=1"] };
    assert.deepEqual(bootOf(boot), boot);
    assert.deepEqual(bootOf({}), { kernel: [], config: [] });
    assert.ok(bootOf({ config: ["dtoverlay=rpi-poe"] }, { base }));
  });

  it("can't take what is no single word or line, or what the machine is found and started by", () => {
    refused({ kernel: ["quiet splash"] }, /boot\.kernel\[0\] {2}"quiet splash" must be one word/);
    refused({ kernel: ["root=/dev/sda2"] }, /boot\.kernel\[0\] {2}root=\/dev\/sda2 must be left out: piinit sets it/);
    refused({ config: ["gpu_mem=16\nkernel=x"] }, /boot\.config\[0\] {2}must be a line/);
    refused(
      { config: ["kernel=other.img"] },
      /boot\.config\[0\] {2}kernel=other\.img must be left out: piinit sets it/,
    );
  });

  it("is refused where it would have no effect, with what would", () => {
    refused({ config: ["gpu_mem=16"] }, /boot\.config\[0\] {2}gpu_mem=16 must be left out on amd64: only a/, {
      board: "amd64",
    });
    refused(
      { config: ["gpu_mem=16", "dtoverlay=rpi-poe"] },
      /boot\.config\[1\] {2}dtoverlay=rpi-poe must be left out: .* use Raspberry Pi OS/,
    );
    const files = (path: string) => faultsOf(withImage({ board: "pi4", files: [{ path, text: "" }] }));
    assert.match(
      files("/boot/firmware/config.txt"),
      /files\[0\]\.path {2}\/boot\/firmware\/config\.txt must be another path: .*boot\.config instead/,
    );
    for (const path of ["/data/x", "/run/x", "/tmp/x", "/proc/x", "/sys/x", "/dev/x", "/var/run/x"])
      assert.match(files(path), new RegExp(`files\\[0\\]\\.path {2}${path} must be another path: `), path);
    assert.ok(parseSettings(withImage({ board: "pi4", files: [{ path: "/database/x", text: "" }] }), "home"));
  });
});

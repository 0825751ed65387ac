import assert from "node:assert/strict";
import { moduleClosure, moduleName } from "../../../steps/image/boot/modules.ts";

const tables = {
  dep: [
    "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz",
    "kernel/fs/jbd2/jbd2.ko.xz:",
    "kernel/fs/mbcache.ko.xz:",
    "kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz",
    "kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz",
    "kernel/net/core/failover.ko.xz:",
    "kernel/arch/x86/crypto/crc32c-intel.ko.xz:",
    "kernel/a.ko:",
    "",
  ].join("\n"),
  builtin: "kernel/drivers/virtio/virtio_pci.ko\n",
  softdep: "# comment\nsoftdep ext4 pre: crc32c nowhere post: a\nsoftdep a pre: ext4\n",
  alias: "# comment\nalias pci:v00008086d* a\nalias crc32c crc32c_intel\n",
};

describe("the modules that a kernel has to load", () => {
  it("come after their dependencies, including soft ones and aliases, without duplicates", () => {
    const { paths, missing } = moduleClosure(["ext4", "virtio_net", "ext4"], tables);
    const names = paths.map(moduleName);
    assert.deepEqual(missing, []);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(names.toSorted(), [
      "crc32c_intel",
      "ext4",
      "failover",
      "jbd2",
      "mbcache",
      "net_failover",
      "virtio_net",
    ]);
    const precedes = (first: string, second: string) =>
      assert.ok(names.indexOf(first) < names.indexOf(second), `${first} ${second}`);
    precedes("jbd2", "ext4");
    precedes("mbcache", "ext4");
    precedes("crc32c_intel", "ext4");
    precedes("failover", "net_failover");
    precedes("net_failover", "virtio_net");
  });

  it("leave out what is built in, under any spelling", () => {
    assert.deepEqual(moduleClosure(["virtio-pci", "virtio_pci"], tables), { paths: [], missing: [] });
  });

  it("may have circular soft dependencies", () => {
    assert.ok(moduleClosure(["a"], tables).paths.includes("kernel/a.ko"));
  });

  it("name those that the kernel lacks", () => {
    assert.deepEqual(moduleClosure(["ext4", "floppy"], tables).missing, ["floppy"]);
  });
});

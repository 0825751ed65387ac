import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findOnPath } from "../../../lib/host.ts";
import { ownDisk } from "../../../steps/image/boot/own-disk.ts";

const pci = "pci0000:00/0000:00";
/** Where Linux has a disk, below /sys/devices. */
const places = {
  vda: `${pci}:02.0/virtio1`,
  vdb: `${pci}:03.0/virtio2`,
  nvme0n1: `${pci}:1c.3/0000:02:00.0/nvme/nvme0`,
  sda: `${pci}:14.0/usb1/1-2/1-2:1.0/host3/target3:0:0/3:0:0:0`,
  sdb: `${pci}:14.0/usb1/1-4/1-4.11/1-4.11:1.0/host4/target4:0:0/4:0:0:0`,
  mmcblk0: "platform/soc/3f300000.mmcnr/mmc_host/mmc0/mmc0:0001",
} as const;
type Name = keyof typeof places;

/** Nodes of UEFI's device paths; Linux writes a PCI device's number first, UEFI its function. */
const root = [2, 1, 12, 0, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0, 0];
const onPci = (device: number, fn = 0) => [1, 1, 6, 0, fn, device];
const onUsb = (port: number) => [3, 5, 6, 0, port, 0];
const nvme = [3, 23, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const end = [127, 255, 4, 0];
const shortForm = [4, 1, 42, 0, ...Array<number>(38).fill(1)];

/** The script runs on a busybox, as it does in the initial RAM disk. */
describe("the disk that was booted", () => {
  let folder: string;
  let busybox: string | undefined;
  before(async () => {
    busybox = await findOnPath("busybox", process.env);
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "piinit-disks-"));
    for (const name of ["bin", "dev", "proc", "sys/block"]) mkdirSync(path.join(folder, name), { recursive: true });
    for (const name of ["awk", "grep", "hexdump", "readlink", "sh", "tr"])
      symlinkSync(busybox ?? assert.fail("no busybox"), path.join(folder, "bin", name));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const put = (file: string, bytes: Iterable<number>) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), Buffer.from([...bytes]));
  };
  const disk = (name: Name, { number = 0x7069696e, next = 0 } = {}) => {
    const sector = Buffer.alloc(512);
    sector.writeUInt32LE(number, 440);
    sector.writeUInt32LE(next, 436);
    put(`dev/${name}`, sector);
    const place = path.join(folder, "sys/devices", places[name], "block", name);
    mkdirSync(place, { recursive: true });
    symlinkSync(place, path.join(folder, "sys/block", name));
  };
  const uefi = (...nodes: number[][]) => {
    const variable = (name: string) => `sys/firmware/efi/efivars/${name}-8be4df61-93ca-11d2-aa0d-00e098032b8c`;
    put(variable("BootCurrent"), [7, 0, 0, 0, 0x0b, 0x00]);
    const devices = [...nodes.flat(), ...end];
    const name = Buffer.from("UEFI Gerät 1\0", "utf16le");
    put(variable("Boot000B"), [7, 0, 0, 0, 1, 0, 0, 0, devices.length, 0, ...name, ...devices]);
  };
  const raspberryPi = (mode?: number) => {
    put("proc/device-tree/compatible", Buffer.from("raspberrypi,4-model-b\0brcm,bcm2711\0"));
    if (mode !== undefined) put("proc/device-tree/chosen/bootloader/boot-mode", [0, 0, 0, mode]);
  };
  /** What is chosen at once, and what when all disks have had their time to appear. */
  const chosen = (number = "7069696e"): [string, string] => {
    const script = `${ownDisk}
path_said=$(firmware_path)
kind_said=$(firmware_kind)
disks=$(numbered ${number})
echo "$(choose 1 $disks),$(choose 30 $disks)"`.replace(/\/(sys|dev|proc)\//g, `${folder}/$1/`);
    const env = { PATH: path.join(folder, "bin") };
    const [first = "", later = ""] = execFileSync("sh", ["-c", script], { env, encoding: "utf8" }).trim().split(",");
    return [first, later];
  };

  it("is the one with the number of the command line, as soon as others had the time to appear", () => {
    disk("vda", { number: 0x12345678 });
    disk("nvme0n1");
    assert.deepEqual(chosen(), ["", "nvme0n1"]);
    assert.deepEqual(chosen("12345678"), ["", "vda"]);
    assert.deepEqual(chosen("00000001"), ["", ""]);
  });

  it("is found while it takes its own number, by the old one and by the new", () => {
    disk("vda", { next: 0x0badcafe });
    assert.deepEqual(chosen("0badcafe"), ["", "vda"]);
    assert.deepEqual(chosen("7069696e"), ["", "vda"]);
  });

  it("can't be told from a copy when the firmware says nothing, or only what both have", () => {
    disk("vda");
    disk("nvme0n1");
    assert.deepEqual(chosen(), ["", ""]);
    uefi(shortForm);
    assert.deepEqual(chosen(), ["", ""]);
  });

  for (const [name, nodes] of [
    ["vda", [onPci(2)]],
    ["nvme0n1", [onPci(0x1c, 3), onPci(0), nvme]],
    ["sda", [onPci(0x14), onUsb(1)]],
    ["sdb", [onPci(0x14), onUsb(3), onUsb(10)]],
  ] as const) {
    it(`is at once the one that UEFI names, among copies: ${name}`, () => {
      for (const other of ["vda", "vdb", "nvme0n1", "sda", "sdb"] as const) disk(other);
      uefi(root, ...nodes.map((node) => [...node]), shortForm);
      assert.deepEqual(chosen(), [name, name]);
    });
  }

  it("is not another one because UEFI's words for it are unknown", () => {
    uefi(root, onPci(9));
    disk("vda");
    assert.deepEqual(chosen(), ["", "vda"]);
    disk("vdb");
    assert.deepEqual(chosen(), ["", ""]);
  });

  it("is the card of a Raspberry Pi whose firmware can't say what it booted", () => {
    raspberryPi();
    disk("sda");
    assert.deepEqual(chosen(), ["", "sda"]);
    disk("mmcblk0");
    assert.deepEqual(chosen(), ["mmcblk0", "mmcblk0"]);
  });

  it("is what a newer Raspberry Pi says, as far as that tells it from others", () => {
    for (const name of ["mmcblk0", "nvme0n1", "sda"] as const) disk(name);
    raspberryPi(1);
    assert.deepEqual(chosen(), ["mmcblk0", "mmcblk0"]);
    raspberryPi(6);
    assert.deepEqual(chosen(), ["", "nvme0n1"]);
    raspberryPi(4);
    assert.deepEqual(chosen(), ["", "sda"]);
    disk("sdb");
    assert.deepEqual(chosen(), ["", ""]);
  });
});

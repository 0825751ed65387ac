import assert from "node:assert/strict";
import { type Drive, describeDrive, refusal, size } from "../../../burn/drive.ts";
import { listDrives, newlyInserted } from "../../../burn/drives.ts";
import { parseLsblk } from "../../../burn/linux.ts";
import { parseDiskutil } from "../../../burn/macos.ts";

const GB = 1e9;
const limits = { maxBytes: 256 * GB };

/** A device as `lsblk --json --bytes --output-all` has it, of which only what counts is here. */
const device = (name: string, more: object = {}) => ({
  name,
  path: `/dev/${name}`,
  type: "disk",
  size: 32 * GB,
  vendor: null,
  model: null,
  tran: null,
  rm: false,
  hotplug: false,
  ro: false,
  mountpoint: null,
  mountpoints: [null],
  ...more,
});
const part = (name: string, at: string | null, more: object = {}) =>
  device(name, { type: "part", mountpoint: at, mountpoints: [at], ...more });
const usb = { tran: "usb", rm: true, hotplug: true, vendor: "Generic ", model: "STORAGE DEVICE" };
const drives = (...blockdevices: object[]) => parseLsblk(JSON.stringify({ blockdevices }));
const reason = (...blockdevices: object[]) => refusal(drives(...blockdevices)[0] as Drive, 2 * GB, limits);

describe("the drives of Linux", () => {
  it("are listed with name, size, bus, model and mount points", () => {
    const card = device("sdb", { ...usb, children: [part("sdb1", "/media/me/BOOT"), part("sdb2", null)] });
    const [drive] = drives(card);
    assert.equal(
      describeDrive(drive as Drive),
      "/dev/sdb  32.0 GB  USB  Generic STORAGE DEVICE  mounted at /media/me/BOOT",
    );
    assert.deepEqual(drive?.parts, ["/dev/sdb1", "/dev/sdb2"]);
    assert.equal(refusal(drive as Drive, 2 * GB, limits), undefined);
  });

  it("are read from an older lsblk, too, which prints numbers as strings and only one mount point", () => {
    const old = { name: "sdb", type: "disk", size: "32000000000", rm: "1", hotplug: "1", ro: "0", tran: "usb" };
    const [drive] = drives({ ...old, children: [{ name: "sdb1", type: "part", mountpoint: "/media/x" }] });
    assert.deepEqual(
      [drive?.path, drive?.bytes, drive?.isRemovable, drive?.isReadOnly, drive?.mounts],
      ["/dev/sdb", 32 * GB, true, false, [{ device: "/dev/sdb1", at: "/media/x" }]],
    );
  });

  it("are refused if the system is on them, through any number of layers", () => {
    const system: [object, string][] = [
      [device("sda", { ...usb, children: [part("sda1", "/boot/efi"), part("sda2", "/")] }), "/boot/efi"],
      [device("mmcblk0", { tran: "mmc", hotplug: true, children: [part("mmcblk0p2", "/")] }), "/"],
      [device("sdc", { ...usb, mountpoints: ["/home"] }), "/home"],
      [
        device("sdb", {
          ...usb,
          children: [
            part("sdb1", null, {
              children: [
                device("md0", {
                  type: "raid1",
                  children: [
                    device("luks-1", {
                      type: "crypt",
                      path: "/dev/mapper/luks-1",
                      children: [device("vg-var", { type: "lvm", mountpoints: [null, "/var"] })],
                    }),
                  ],
                }),
              ],
            }),
          ],
        }),
        "/var",
      ],
    ];
    for (const [tree, place] of system) assert.equal(reason(tree), `is a disk of this system: ${place} is there`);
    const swap = device("sdd", { ...usb, children: [part("sdd1", "[SWAP]")] });
    assert.equal(reason(swap), "is a disk of this system: its swap is there");
    assert.match(
      reason(device("sde", { ...usb, children: [part("sde1", "/data/db")] })) ?? "",
      /^is in use: \/dev\/sde1 is mounted at \/data\/db/,
    );
  });

  it("are refused if they are internal, empty, write-protected, too large or too small", () => {
    const faulty: [object, RegExp][] = [
      [device("nvme0n1", { tran: "nvme" }), /is built into this computer/],
      [device("sda", { tran: "sata" }), /is built into this computer/],
      [device("sdb", { ...usb, size: 0 }), /has no card in it/],
      [device("sdb", { ...usb, ro: true }), /is write-protected/],
      [
        device("sdb", { ...usb, size: 500 * GB }),
        /has 500 GB, more than the limit for cards \(256 GB\): add --allow-large/,
      ],
      [device("sdb", { ...usb, size: GB }), /has 1\.0 GB, but the image needs 2\.0 GB/],
    ];
    for (const [tree, expected] of faulty) assert.match(reason(tree) ?? "", expected);
    const [large] = drives(device("sdb", { ...usb, size: 500 * GB }));
    assert.equal(refusal(large as Drive, 2 * GB, { maxBytes: Number.POSITIVE_INFINITY }), undefined);
  });

  it("are refused if they are soldered in, although the kernel lists them as cards", () => {
    const text = JSON.stringify({
      blockdevices: [device("mmcblk0", { hotplug: true }), device("mmcblk1", { hotplug: true })],
    });
    const [soldered, card] = parseLsblk(text, new Set(["mmcblk0"]));
    assert.deepEqual([soldered?.isRemovable, card?.isRemovable, card?.bus], [false, true, "mmc"]);
  });

  it("omit what is not a disk, and recognize loop devices", () => {
    const found = drives(device("sr0", { type: "rom" }), device("zram0"), device("loop0", { type: "loop" }));
    assert.deepEqual(
      found.map(({ path, isImage, isRemovable }) => [path, isImage, isRemovable]),
      [["/dev/loop0", true, false]],
    );
  });

  it("are read on this computer: the one it runs from is refused", async function () {
    if (process.platform !== "linux") this.skip();
    for (const drive of await listDrives()) {
      if (drive.mounts.some(({ at }) => at === "/"))
        assert.match(refusal(drive, 1, limits) ?? "", /disk of this system/);
    }
  });
});

describe("the drives of macOS", () => {
  const list = {
    AllDisksAndPartitions: [
      {
        DeviceIdentifier: "disk0",
        Partitions: [{ DeviceIdentifier: "disk0s1" }, { DeviceIdentifier: "disk0s2" }],
      },
      {
        DeviceIdentifier: "disk3",
        APFSPhysicalStores: [{ DeviceIdentifier: "disk0s2" }],
        APFSVolumes: [
          {
            DeviceIdentifier: "disk3s1",
            MountPoint: "/System/Volumes/Update/mnt1",
            MountedSnapshots: [{ SnapshotMountPoint: "/" }],
          },
        ],
        Partitions: [],
      },
      { DeviceIdentifier: "disk4", Partitions: [{ DeviceIdentifier: "disk4s1", MountPoint: "/Volumes/BOOT" }] },
      { DeviceIdentifier: "disk5", Partitions: [{ DeviceIdentifier: "disk5s2" }] },
      {
        DeviceIdentifier: "disk6",
        APFSPhysicalStores: [{ DeviceIdentifier: "disk5s2" }],
        APFSVolumes: [{ DeviceIdentifier: "disk6s1", MountPoint: "/" }],
      },
    ],
    WholeDisks: ["disk0", "disk3", "disk4", "disk5", "disk6"],
  };
  const usbDisk = {
    RemovableMediaOrExternalDevice: true,
    BusProtocol: "USB",
    WritableMedia: true,
    VirtualOrPhysical: "Physical",
  };
  const found = parseDiskutil(list, [
    {
      DeviceIdentifier: "disk0",
      RemovableMediaOrExternalDevice: false,
      BusProtocol: "Apple Fabric",
      TotalSize: 500 * GB,
      VirtualOrPhysical: "Unknown",
    },
    { DeviceIdentifier: "disk3", VirtualOrPhysical: "Virtual", RemovableMediaOrExternalDevice: false },
    {
      ...usbDisk,
      DeviceIdentifier: "disk4",
      BusProtocol: "Secure Digital",
      MediaName: "Built In SDXC Reader",
      TotalSize: 32 * GB,
    },
    { ...usbDisk, DeviceIdentifier: "disk5", MediaName: "Extreme", TotalSize: 128 * GB },
    { DeviceIdentifier: "disk6", VirtualOrPhysical: "Virtual" },
  ]);
  const named = (name: string) => found.find(({ path }) => path === `/dev/${name}`) as Drive;

  it("are the physical ones, written through their raw devices", () => {
    assert.deepEqual(
      found.map(({ path, writePath }) => [path, writePath]),
      ["disk0", "disk4", "disk5"].map((name) => [`/dev/${name}`, `/dev/r${name}`]),
    );
    const line = "/dev/disk4  32.0 GB  SD  Built In SDXC Reader  mounted at /Volumes/BOOT";
    assert.equal(describeDrive(named("disk4")), line);
    assert.equal(refusal(named("disk4"), 2 * GB, limits), undefined);
  });

  it("are refused if the system is in an APFS container on them, even on an external disk", () => {
    for (const name of ["disk0", "disk5"]) {
      assert.match(refusal(named(name), 2 * GB, limits) ?? "", /^is a disk of this system: \//);
    }
  });
});

describe("another operating system", () => {
  it("is refused with what to use there", async () => {
    await assert.rejects(listDrives("win32"), /on Linux and macOS, not on win32.*Raspberry Pi Imager or Etcher/);
  });
});

describe("a newly inserted card", () => {
  const [empty] = drives(device("sdb", { ...usb, size: 0 }));
  const [card] = drives(device("sdb", usb));
  const [other] = drives(device("sdb", { ...usb, size: 16 * GB }));

  it("is told apart from one that was there before, and from an empty reader", () => {
    assert.deepEqual(newlyInserted([], [empty as Drive]), []);
    assert.deepEqual(newlyInserted([empty as Drive], [card as Drive]), [card]);
    assert.deepEqual(newlyInserted([card as Drive], [card as Drive]), []);
    assert.deepEqual(newlyInserted([card as Drive], [other as Drive]), [other]);
  });
});

describe("a size", () => {
  it("is shown as on the label of a card", () => {
    assert.deepEqual([0, 999, 4096, 31_914_983_424, 256e9, 2e12].map(size), [
      "0 B",
      "999 B",
      "4.1 kB",
      "31.9 GB",
      "256 GB",
      "2.0 TB",
    ]);
  });
});

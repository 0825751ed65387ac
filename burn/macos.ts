import { run } from "../lib/run.ts";
import type { Drive, Mount } from "./drive.ts";

/** An entry of `diskutil list`: a disk, partition, volume or mounted snapshot. */
interface Entry {
  DeviceIdentifier?: string;
  MountPoint?: string;
  SnapshotMountPoint?: string;
  Partitions?: Entry[];
  APFSVolumes?: Entry[];
  MountedSnapshots?: Entry[];
  APFSPhysicalStores?: { DeviceIdentifier: string }[];
}

export interface DiskList {
  AllDisksAndPartitions: Entry[];
  WholeDisks: string[];
}

/** The output of `diskutil info` for a whole disk. */
export interface DiskInfo {
  DeviceIdentifier: string;
  BusProtocol?: string;
  MediaName?: string;
  TotalSize?: number;
  Size?: number;
  RemovableMediaOrExternalDevice?: boolean;
  VirtualOrPhysical?: string;
  WritableMedia?: boolean;
}

/** The drives of a Mac. */
export async function macDrives(): Promise<Drive[]> {
  const list = (await diskutil("list")) as DiskList;
  const infos = await Promise.all(list.WholeDisks.map((disk) => diskutil("info", disk)));
  return parseDiskutil(list, infos as DiskInfo[]);
}

/** diskutil prints property lists, which plutil converts to JSON. */
async function diskutil(verb: string, ...args: string[]): Promise<unknown> {
  const input = await run("diskutil", [verb, "-plist", ...args]);
  return JSON.parse(await run("plutil", ["-convert", "json", "-o", "-", "-"], { input }));
}

/** Combines the output of `diskutil list` with that of `diskutil info` for each whole disk. */
export function parseDiskutil(list: DiskList, infos: readonly DiskInfo[]): Drive[] {
  const entries = list.AllDisksAndPartitions;
  return infos
    .filter(({ VirtualOrPhysical }) => VirtualOrPhysical !== "Virtual")
    .map((info): Drive => {
      const disk = info.DeviceIdentifier;
      const own = entriesOn(disk, entries).flatMap(withInner);
      return {
        path: `/dev/${disk}`,
        writePath: `/dev/r${disk}`,
        model: info.MediaName?.trim() ?? "",
        bytes: info.TotalSize ?? info.Size ?? 0,
        bus: info.BusProtocol === "Secure Digital" ? "sd" : (info.BusProtocol ?? "").toLowerCase(),
        isRemovable: info.RemovableMediaOrExternalDevice === true,
        isReadOnly: info.WritableMedia === false,
        isImage: false,
        mounts: own.flatMap(mountsOf),
        parts: own.flatMap(({ DeviceIdentifier: name }) => (name && name !== disk ? [`/dev/${name}`] : [])),
      };
    });
}

const wholeDisk = (name: string): string => /^disk\d+/.exec(name)?.[0] ?? name;

/** The disk itself, and each APFS container stored on one of its partitions. */
function entriesOn(disk: string, entries: readonly Entry[]): Entry[] {
  const own = entries.filter(({ DeviceIdentifier }) => DeviceIdentifier === disk);
  const containers = entries.filter(
    ({ DeviceIdentifier, APFSPhysicalStores }) =>
      DeviceIdentifier !== disk && APFSPhysicalStores?.some((store) => wholeDisk(store.DeviceIdentifier) === disk),
  );
  return [...own, ...containers.flatMap(({ DeviceIdentifier = "" }) => entriesOn(DeviceIdentifier, entries))];
}

function withInner(entry: Entry): Entry[] {
  const inner = [...(entry.Partitions ?? []), ...(entry.APFSVolumes ?? []), ...(entry.MountedSnapshots ?? [])];
  return [entry, ...inner.flatMap(withInner)];
}

function mountsOf({ DeviceIdentifier = "", MountPoint, SnapshotMountPoint }: Entry): Mount[] {
  return [MountPoint, SnapshotMountPoint].flatMap((at) => (at ? [{ device: `/dev/${DeviceIdentifier}`, at }] : []));
}

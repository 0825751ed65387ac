import { appendFile, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Ext4Entry } from "../../../formats/ext4/ext4.ts";
import { runCommands } from "../filesystem/debugfs.ts";
import { listEntries } from "../filesystem/tree.ts";
import { rootImage, treeList } from "../install/packages-layer.ts";
import { imageTime } from "../manifest/image-time.ts";

/** Writes device nodes into the finished file system of a packages layer, and adds them to its list of files. */
export async function addDevices(devices: readonly Ext4Entry[], dir: string, signal: AbortSignal): Promise<void> {
  if (devices.length === 0) return;
  const partition = { disk: path.join(dir, rootImage), offset: 0 };
  const work = path.join(dir, "work");
  await mkdir(work);
  await runCommands(partition, deviceCommands(devices), work, { write: true, signal });
  await rm(work, { recursive: true });
  const entries = devices.map(({ type, path: name }) => ({ type, path: `/${name}` }));
  await appendFile(path.join(dir, treeList), listEntries(entries));
}

/** debugfs commands that create the device nodes. */
export function deviceCommands(devices: readonly Ext4Entry[]): string {
  return devices
    .flatMap(({ path: name, type, mode, uid, gid, time, device }) => {
      const [letter, typeBits] = type === "block" ? ["b", 0o060000] : ["c", 0o020000];
      const set = (field: string, value: string | number) => `set_inode_field "/${name}" ${field} ${value}\n`;
      return [
        `cd "/${path.posix.dirname(name)}"\n`,
        `mknod "${path.posix.basename(name)}" ${letter} ${device.major} ${device.minor}\n`,
        set("mode", `0${(typeBits | mode).toString(8)}`),
        set("uid", uid),
        set("gid", gid),
        ...["atime", "ctime", "mtime", "crtime"].map((field) => set(field, `@${Math.min(time, imageTime)}`)),
      ];
    })
    .join("");
}

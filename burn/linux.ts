import { readFile } from "node:fs/promises";
import { runOnHost } from "../lib/host.ts";
import type { Drive, Mount } from "./drive.ts";

/** A device in the output of `lsblk --json`. Older versions print numbers and booleans as strings. */
interface Device {
  name: string;
  path?: string | null;
  type?: string | null;
  size?: number | string | null;
  vendor?: string | null;
  model?: string | null;
  tran?: string | null;
  rm?: boolean | string | null;
  hotplug?: boolean | string | null;
  ro?: boolean | string | null;
  mountpoint?: string | null;
  mountpoints?: (string | null)[] | null;
  children?: Device[] | null;
}

/** The drives of a Linux system. */
export async function linuxDrives(): Promise<Drive[]> {
  // All columns, because naming one that an older lsblk lacks is an error.
  const text = await runOnHost("lsblk", ["--json", "--bytes", "--output-all"], { env: { LC_ALL: "C" } });
  const cards = await Promise.all(cardNames(text).map(async (name) => [name, await cardType(name)] as const));
  return parseLsblk(text, new Set(cards.flatMap(([name, type]) => (type === "MMC" ? [name] : []))));
}

const devicesOf = (text: string): Device[] => (JSON.parse(text) as { blockdevices?: Device[] }).blockdevices ?? [];

const cardNames = (text: string): string[] =>
  devicesOf(text).flatMap(({ name }) => (/^mmcblk\d+/.test(name) ? [name] : []));

/** "SD" for a card, "MMC" for soldered memory. */
async function cardType(name: string): Promise<string> {
  return (await readFile(`/sys/block/${name}/device/type`, "utf8").catch(() => "")).trim();
}

/** Parses the output of `lsblk --json --bytes --output-all`. @param soldered names of cards that can't be removed */
export function parseLsblk(text: string, soldered: ReadonlySet<string> = new Set()): Drive[] {
  return devicesOf(text)
    .filter(({ type, name }) => (type === "disk" || type === "loop") && !/^(zram|ram)\d/.test(name))
    .map((device): Drive => {
      const all = withChildren(device);
      const isPluggable = isTrue(device.rm) || isTrue(device.hotplug) || device.tran === "usb";
      const isImage = device.type === "loop";
      return {
        path: pathOf(device),
        writePath: pathOf(device),
        model: [device.vendor, device.model]
          .map((word) => word?.trim())
          .filter(Boolean)
          .join(" "),
        bytes: Number(device.size ?? 0),
        bus: device.tran ?? (device.name.startsWith("mmcblk") ? "mmc" : ""),
        isRemovable: isPluggable && !isImage && !soldered.has(device.name),
        isReadOnly: isTrue(device.ro),
        isImage,
        mounts: all.flatMap(mountsOf),
        parts: all.slice(1).map(pathOf),
      };
    });
}

const isTrue = (value: boolean | string | null | undefined): boolean => value === true || value === "1";

const pathOf = ({ path, name }: Device): string => path ?? `/dev/${name}`;

const withChildren = (device: Device): Device[] => [device, ...(device.children ?? []).flatMap(withChildren)];

function mountsOf(device: Device): Mount[] {
  const points = [...(device.mountpoints ?? []), device.mountpoint].filter((at) => typeof at === "string" && at !== "");
  return [...new Set(points as string[])].map((at) => ({ device: pathOf(device), at }));
}

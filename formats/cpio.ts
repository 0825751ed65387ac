/** One entry of a cpio archive; every entry belongs to root. */
export type CpioEntry =
  | { path: string; type: "directory" }
  | { path: string; type: "file"; mode: number; data: Uint8Array }
  | { path: string; type: "link"; target: string }
  | { path: string; type: "character device"; mode: number; major: number; minor: number };

const typeBits = { directory: 0o040000, file: 0o100000, link: 0o120000, "character device": 0o020000 } as const;

/** A cpio archive in the "newc" format, the one that Linux unpacks as its initial file system. */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) => cpioRecord(entry, index + 1));
  parts.push(cpioRecord({ path: "TRAILER!!!", type: "file", mode: 0, data: new Uint8Array() }, 0));
  return Buffer.concat(parts);
}

function cpioRecord(entry: CpioEntry, inode: number): Buffer {
  const data = content(entry);
  const name = Buffer.from(`${entry.path}\0`);
  const isTrailer = inode === 0;
  const isDevice = entry.type === "character device";
  const fields = [
    inode,
    isTrailer ? 0 : typeBits[entry.type] | permissions(entry),
    0, // user
    0, // group
    1, // links
    0, // time
    data.length,
    0, // the archive's own device
    0,
    isDevice ? entry.major : 0,
    isDevice ? entry.minor : 0,
    name.length,
    0, // checksum, unused in this format
  ];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(data)]);
}

function content(entry: CpioEntry): Buffer {
  if (entry.type === "file") return Buffer.from(entry.data.buffer, entry.data.byteOffset, entry.data.byteLength);
  if (entry.type === "link") return Buffer.from(entry.target);
  return Buffer.alloc(0);
}

function permissions(entry: CpioEntry): number {
  if (entry.type === "file" || entry.type === "character device") return entry.mode;
  return entry.type === "link" ? 0o777 : 0o755;
}

/** Headers and data each end on a multiple of four. */
function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
}

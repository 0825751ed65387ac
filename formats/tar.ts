/** One entry of a tar archive. Texts have one character per byte. */
export interface TarEntry {
  path: string;
  type: "file" | "directory" | "link" | "hard link" | "pipe";
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970. */
  time: number;
  /** Bytes that follow; 0 for all but files. */
  size: number;
  /** Of a link of either kind. */
  target: string;
  /** Extended attributes, by their full names. */
  attributes: ReadonlyMap<string, string>;
}

const blockBytes = 512;
const typeFlags = { file: "0", "hard link": "1", link: "2", directory: "5", pipe: "6" } as const;

/** What stands before an entry's bytes; what the old format has no room for goes into an extended header. */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.type === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const records = [
    ...(fits(path, 100) ? [] : [record("path", path)]),
    ...(fits(entry.target, 100) ? [] : [record("linkpath", entry.target)]),
    ...(entry.uid < 2 ** 21 ? [] : [record("uid", String(entry.uid))]),
    ...(entry.gid < 2 ** 21 ? [] : [record("gid", String(entry.gid))]),
    ...(entry.time >= 0 ? [] : [record("mtime", String(entry.time))]),
    ...[...entry.attributes].map(([name, value]) => record(`SCHILY.xattr.${name}`, value)),
  ].join("");
  const header = ustar({ ...entry, path, flag: typeFlags[entry.type] });
  if (records === "") return header;
  const extended = Buffer.from(records, "latin1");
  const plain = { mode: 0o644, uid: 0, gid: 0, time: 0, target: "" };
  return Buffer.concat([
    ustar({ ...plain, path: "./PaxHeader", size: extended.length, flag: "x" }),
    extended,
    tarPadding(extended.length),
    header,
  ]);
}

/** What fills an entry's bytes up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}

/** The last bytes of an archive. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

const fits = (text: string, bytes: number): boolean => text.length <= bytes;

/** "LENGTH NAME=VALUE\n", whose length counts its own digits. */
function record(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

interface Ustar {
  path: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  time: number;
  flag: string;
  target: string;
}

function ustar(fields: Ustar): Buffer {
  const header = Buffer.alloc(blockBytes);
  const text = (value: string, at: number, bytes: number) => header.write(value.slice(0, bytes), at, "latin1");
  const octal = (value: number, at: number, digits: number) =>
    text(value.toString(8).padStart(digits, "0"), at, digits);
  text(fields.path, 0, 100);
  octal(fields.mode, 100, 7);
  octal(fields.uid % 2 ** 21, 108, 7);
  octal(fields.gid % 2 ** 21, 116, 7);
  octal(fields.size, 124, 11);
  octal(Math.max(fields.time, 0), 136, 11);
  text("        ", 148, 8);
  text(fields.flag, 156, 1);
  text(fields.target, 157, 100);
  text("ustar\u000000", 257, 8);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header.writeUInt8(0, 154);
  return header;
}

/**
 * The plain files of a whole archive by their names, which must be short; entries of other kinds are skipped.
 * @throws Error if the archive ends too early
 */
export function filesOfTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; ; ) {
    const header = archive.subarray(at, at + blockBytes);
    if (header.length < blockBytes) throw new Error("the archive ends too early");
    if (header.every((byte) => byte === 0)) return files;
    const text = (from: number, bytes: number) => header.toString("latin1", from, from + bytes).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12), 8);
    if (!(size >= 0)) throw new Error("the archive has an entry without a size");
    const start = at + blockBytes;
    if (start + size > archive.length) throw new Error("the archive ends too early");
    if (text(156, 1) === typeFlags.file || text(156, 1) === "")
      files.set(text(0, 100), archive.subarray(start, start + size));
    at = start + Math.ceil(size / blockBytes) * blockBytes;
  }
}

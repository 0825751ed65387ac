import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../../../formats/tar.ts";
import { run } from "../../../lib/run.ts";

const entry = (changes: Partial<TarEntry>): TarEntry => ({
  path: "./file",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  time: 1_000_000_000,
  size: 0,
  target: "",
  attributes: new Map(),
  ...changes,
});

describe("a tar", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-tar-"));
  });
  after(() => rm(folder, { recursive: true }));

  /** What GNU tar reads of the entries. */
  const listed = (...entries: TarEntry[]): Promise<string[]> =>
    list(entries, ["-v", "--numeric-owner", "--full-time", "--utc"]);

  const list = async (entries: TarEntry[], options: string[]): Promise<string[]> => {
    const file = path.join(folder, "test.tar");
    const parts = entries.flatMap((item) => [tarHeader(item), Buffer.alloc(item.size, "x"), tarPadding(item.size)]);
    await writeFile(file, Buffer.concat([...parts, tarEnd]));
    return (await run("tar", ["--list", "--file", file, ...options], { env: { LC_ALL: "C.UTF-8" } }))
      .split("\n")
      .filter(Boolean);
  };

  it("keeps type, mode, owner, size and time", async () => {
    assert.deepEqual(
      await listed(
        entry({ mode: 0o4755, uid: 1000, gid: 42, size: 700 }),
        entry({ path: "./folder", type: "directory", mode: 0o1777 }),
        entry({ path: "./link", type: "link", target: "../a b", mode: 0o777 }),
        entry({ path: "./again", type: "hard link", target: "./file" }),
        entry({ path: "./pipe", type: "pipe" }),
      ).then((lines) => lines.map((line) => line.replace(/\s+/g, " "))),
      [
        "-rwsr-xr-x 1000/42 700 2001-09-09 01:46:40 ./file",
        "drwxrwxrwt 0/0 0 2001-09-09 01:46:40 ./folder/",
        "lrwxrwxrwx 0/0 0 2001-09-09 01:46:40 ./link -> ../a b",
        "hrw-r--r-- 0/0 0 2001-09-09 01:46:40 ./again link to ./file",
        "prw-r--r-- 0/0 0 2001-09-09 01:46:40 ./pipe",
      ],
    );
  });

  it("has room for long names, large numbers, times before 1970 and names in UTF-8", async () => {
    const name = `./${"folder/".repeat(30)}file`;
    const umlaut = Buffer.from("./Főtanúsítvány.crt").toString("latin1");
    const lines = await listed(
      entry({ path: name, uid: 3_000_000, gid: 4_000_000, time: -60 }),
      entry({ path: umlaut }),
      entry({ path: "./long", type: "link", target: name }),
    );
    assert.match(lines[0] ?? "", /3000000\/4000000 .* 1969-12-31 23:59:00 \.\/(folder\/){30}file$/);
    assert.match(lines[1] ?? "", / \.\/F.*\.crt$/);
    assert.match(lines[2] ?? "", /-> \.\/(folder\/){30}file$/);
  });

  it("has extended attributes of any bytes, whose record tells its own length", async () => {
    const value = Buffer.from("0100000200200000\n=", "latin1").toString("latin1");
    const names = Array.from({ length: 50 }, (_, index) => `user.${"a".repeat(index + 20)}`);
    const entries = names.map((name) => entry({ attributes: new Map([[name, value]]) }));
    const lines = await list(entries, ["-vv", "--xattrs"]);
    assert.deepEqual(
      lines.filter((_, index) => index % 2 === 1),
      names.map((name) => `  x: ${value.length} ${name}`),
    );
  });
});

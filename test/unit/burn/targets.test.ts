import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Drive } from "../../../burn/drive.ts";
import { Refused } from "../../../burn/failure.ts";
import { inspectImage } from "../../../burn/image-file.ts";
import { findTarget, targetRefusal } from "../../../burn/target.ts";

const limits = { maxBytes: 256e9 };

describe("a named target", () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-targets-"));
    await writeFile(at("disk.img"), Buffer.alloc(8192));
    await writeFile(at("small"), Buffer.alloc(4096));
    await writeFile(at("empty"), "");
    await symlink(at("small"), at("link"));
    execFileSync("mkfifo", [at("pipe")]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const refused = async (given: string, drives: Drive[] = []): Promise<string | undefined> => {
    try {
      return (await targetRefusal(await findTarget(given, drives), await inspectImage(at("disk.img")), limits))
        ?.message;
    } catch (error) {
      assert.ok(error instanceof Refused, String(error));
      return error.message;
    }
  };

  it("may be a file that is large enough, empty, or new", async () => {
    for (const name of ["empty", "new"]) assert.equal(await refused(at(name)), undefined);
    const found = await findTarget(at("link"), []);
    assert.deepEqual(found, { kind: "file", path: at("small"), bytes: 4096 });
  });

  it("is refused with the reason if it is anything else", async () => {
    assert.match((await refused(at("small"))) ?? "", /small has 4\.1 kB, but the image needs 8\.2 kB\.$/);
    assert.match((await refused(at("disk.img"))) ?? "", /disk\.img is the image itself\.$/);
    assert.match((await refused(folder)) ?? "", /is a folder/);
    for (const device of [at("pipe"), "/dev/full", "/dev/null"]) {
      assert.match((await refused(device)) ?? "", /is neither a known drive nor a plain file/);
    }
    for (const none of ["/dev/no-such-drive", at("no/such/folder")])
      assert.equal(await refused(none), `There is no ${none}.`);
  });

  it("is refused if it is part of a drive", async () => {
    const drive: Drive = {
      path: at("small"),
      writePath: at("small"),
      model: "",
      bytes: 4096,
      bus: "usb",
      isRemovable: true,
      isReadOnly: false,
      isImage: false,
      mounts: [],
      parts: ["/dev/full"],
    };
    assert.equal(await refused("/dev/full", [drive]), `/dev/full is part of ${at("small")}: name the whole drive.`);
  });
});

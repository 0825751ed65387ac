import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import type { Slot } from "../../../../steps/image/manifest/slots.ts";
import { imageWith, textOf, updating } from "./fixture.ts";

type Board = "amd64" | "pi4";

/** The script on a folder that stands for the boot partition, mounted already. */
describe("the choice of the slot that is started", () => {
  let folder: string;
  const boot = (...names: string[]) => path.join(folder, "boot", ...names);
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-boot-choice-"));
    for (const name of ["mount", "umount", "rmdir"])
      await writeFile(path.join(folder, name), "#!/bin/sh\n", { mode: 0o755 });
    for (const slot of ["A", "B"]) {
      await mkdir(boot(slot), { recursive: true });
      await writeFile(boot(slot, "cmdline.txt"), `rauc.slot=${slot} quiet\n`);
    }
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** As the image has it. */
  const putFirst = async (board: Board) => {
    const { boot: files } = imageWith({}, { board });
    for (const file of files.files) {
      if (!("text" in file)) continue;
      await mkdir(path.dirname(boot(file.path)), { recursive: true });
      await writeFile(boot(file.path), file.text);
    }
  };
  const run = async (board: Board, own: Slot, ...words: string[]) => {
    const commandLine = path.join(folder, "cmdline");
    await writeFile(commandLine, `quiet rauc.slot=${own} root=/dev/vda2\n`);
    const text = textOf(imageWith({}, { board, context: updating }), "/usr/lib/piinit/boot-choice");
    const script = text.replace("/proc/cmdline", commandLine).replace("/run/piinit/boot.$$", boot());
    return execa("sh", ["-s", "--", ...words], {
      input: script,
      reject: false,
      env: { PATH: `${folder}:${process.env.PATH}` },
    });
  };
  const ask = async (...args: Parameters<typeof run>) => {
    const { stdout, stderr, exitCode } = await run(...args);
    assert.deepEqual([exitCode, stderr], [0, ""], args.join(" "));
    return stdout;
  };

  describe("by UEFI", () => {
    const entries = async () => (await readdir(boot("loader", "entries"))).sort();
    const versionOf = async (name: string) =>
      /^version (\d+)$/m.exec(await readFile(boot("loader", "entries", name), "utf8"))?.[1];
    /** What systemd-boot does when it starts an entry that is tried. */
    const start = (name: string) =>
      rename(boot("loader", "entries", name), boot("loader", "entries", name.replace("+1", "+0-1")));
    beforeEach(() => putFirst("amd64"));

    it("is the image's at first", async () => {
      assert.equal(await ask("amd64", "A", "get-primary"), "A");
      assert.equal(await ask("amd64", "A", "get-state", "A"), "good");
      assert.equal(await ask("amd64", "A", "get-state", "B"), "bad");
      assert.equal((await run("amd64", "A", "is-trial")).exitCode, 1);
    });

    it("is tried once, and confirmed", async () => {
      await ask("amd64", "A", "set-primary", "B");
      assert.deepEqual(await entries(), ["piinit-A.conf", "piinit-B+1.conf"]);
      assert.equal(await versionOf("piinit-B+1.conf"), "2");
      assert.equal(await ask("amd64", "A", "get-primary"), "B");
      const text = await readFile(boot("loader", "entries", "piinit-B+1.conf"), "utf8");
      assert.match(text, /^linux \/B\/vmlinuz\ninitrd \/B\/initrd.img\noptions rauc.slot=B quiet$/m);
      await start("piinit-B+1.conf");
      await ask("amd64", "B", "is-trial");
      assert.equal(await ask("amd64", "B", "get-primary"), "A");
      await ask("amd64", "B", "set-state", "B", "good");
      assert.deepEqual(await entries(), ["piinit-A.conf", "piinit-B.conf"]);
      assert.equal(await ask("amd64", "B", "get-primary"), "B");
    });

    it("goes to and fro with ever higher versions, and one entry for each slot", async () => {
      for (const [own, other] of [
        ["A", "B"],
        ["B", "A"],
        ["A", "B"],
      ] as const) {
        await ask("amd64", own, "set-state", other, "bad");
        await ask("amd64", own, "set-primary", other);
        await start(`piinit-${other}+1.conf`);
        await ask("amd64", other, "set-state", other, "good");
        assert.equal(await ask("amd64", other, "get-primary"), other);
        assert.deepEqual(await entries(), ["piinit-A.conf", "piinit-B.conf"]);
      }
      assert.equal(await versionOf("piinit-B.conf"), "4");
    });

    it("is the old one when the tried one is refused, and there is always one", async () => {
      await ask("amd64", "A", "set-primary", "B");
      await start("piinit-B+1.conf");
      await ask("amd64", "B", "set-state", "B", "bad");
      assert.deepEqual(await entries(), ["piinit-A.conf"]);
      // Until it has restarted, nobody may take it for one that is kept.
      await ask("amd64", "B", "is-trial");
      const { exitCode, stderr } = await run("amd64", "A", "set-state", "A", "bad");
      assert.deepEqual([exitCode, stderr], [1, "boot-choice: there is no other slot to start than A"]);
      assert.deepEqual(await entries(), ["piinit-A.conf"]);
    });
  });

  describe("by a Raspberry Pi's config.txt", () => {
    const config = () => readFile(boot("config.txt"), "utf8");
    const firstLines = async () => (await config()).split("\n").slice(0, 2);
    beforeEach(() => putFirst("pi4"));

    it("is in its first two lines, and all else stays where it is", async () => {
      const before = await config();
      assert.deepEqual(await firstLines(), ["os_prefix=A/", "#confirmed=A"]);
      await ask("pi4", "A", "set-primary", "B");
      assert.deepEqual(await firstLines(), ["os_prefix=B/", "#confirmed=A"]);
      await ask("pi4", "B", "is-trial");
      await ask("pi4", "B", "set-state", "B", "good");
      assert.deepEqual(await firstLines(), ["os_prefix=B/", "#confirmed=B"]);
      assert.equal((await run("pi4", "B", "is-trial")).exitCode, 1);
      const after = await config();
      assert.equal(after, before.replace("os_prefix=A", "os_prefix=B").replace("confirmed=A", "confirmed=B"));
    });

    it("stays when RAUC empties the other slot, and goes back when the tried one is refused", async () => {
      await ask("pi4", "A", "set-state", "B", "bad");
      assert.deepEqual(await firstLines(), ["os_prefix=A/", "#confirmed=A"]);
      await ask("pi4", "A", "set-primary", "B");
      await ask("pi4", "B", "set-state", "B", "bad");
      assert.deepEqual(await firstLines(), ["os_prefix=A/", "#confirmed=A"]);
      assert.equal((await run("pi4", "A", "set-state", "A", "bad")).exitCode, 1);
    });

    it("is not made where config.txt begins otherwise", async () => {
      await writeFile(boot("config.txt"), "arm_64bit=1\n");
      const { exitCode, stderr } = await run("pi4", "A", "set-primary", "B");
      assert.equal(exitCode, 1);
      assert.match(stderr, /config\.txt doesn't begin with os_prefix= and #confirmed=/);
      assert.equal(await config(), "arm_64bit=1\n");
    });
  });
});

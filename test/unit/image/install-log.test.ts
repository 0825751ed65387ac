import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { withInstallLog } from "../../../steps/image/install/install-log.ts";
import { setEnvironment } from "../../environment.ts";

const address = "http://mirror.example/debian/dists/trixie";

describe("the log of an installation", () => {
  let folder: string;
  let restore: () => void;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-log-"));
    restore = setEnvironment({ XDG_CACHE_HOME: folder });
  });
  after(async () => {
    restore();
    await rm(folder, { recursive: true });
  });

  /** Steps that were shown, and what was thrown, for an installation that fails after these lines. */
  async function failing(
    lines: readonly string[],
    signal = new AbortController().signal,
    failure: Error = new UserError("`mmdebstrap` failed with exit code 1"),
  ) {
    const shown: string[] = [];
    const told = { layer: "base", source: "debian trixie (arm64)", log: "base.log", work: "/var/tmp" };
    const progress = { step: (text: string) => shown.push(text) };
    const work = async (onLine: (line: string) => void) => {
      for (const line of lines) onLine(line);
      throw failure;
    };
    const error: unknown = await withInstallLog(told, { progress, signal } as never, work).catch((thrown) => thrown);
    return { shown, error, message: String((error as Error).message) };
  }

  it("doesn't explain a bug of ours as a failed installation", async () => {
    const ours = new TypeError("x is undefined");
    assert.equal((await failing(["I: fine"], undefined, ours)).error, ours);
  });

  it("says why the installation couldn't be started", async () => {
    const { message, error } = await failing([], undefined, new UserError("`setpriv` could not be started (ENOENT)"));
    assert.match(message, /^Installing from .* failed:\n {2}`setpriv` could not be started/);
    assert.ok((error as Error).cause instanceof UserError);
  });

  it("is kept complete and private, and each step is shown once", async () => {
    const lines = ["I: running apt-get update...", "Unpacking a (1) ...", "Unpacking b (2) ...", "E: broken"];
    const { shown, error, message } = await failing(lines);
    assert.deepEqual(shown, ["base: fetching the lists of packages", "base: unpacking packages"]);
    assert.ok(error instanceof UserError);
    assert.match(
      message,
      /^Installing from debian trixie \(arm64\) failed:\n {2}I: running.*(\n {2}Unpacking .*){2}\n {2}E: broken\n/,
    );
    const log = /^The whole log: (.*)$/m.exec(message)?.[1] ?? "";
    assert.equal(await readFile(log, "utf8"), lines.map((line) => `${line}\n`).join(""));
    assert.equal((await stat(log)).mode & 0o777, 0o600);
  });

  const faults: { what: string; line: string; said: RegExp }[] = [
    {
      what: "a package that does not exist",
      line: "E: Unable to locate package nginy",
      said: /has no package nginy: correct/,
    },
    {
      what: "a full disk",
      line: "dpkg: error: unable to install: No space left on device",
      said: /disk of \/var\/tmp .* is full/,
    },
    {
      what: "a mirror that is being updated",
      line: `E: Failed to fetch ${address}/main/binary-armhf/Packages.xz  File has unexpected size (1 != 2). Mirror sync in progress?`,
      said: /mirror is being updated\. Try again/,
    },
    {
      what: "a name that can't be resolved",
      line: `E: Failed to fetch ${address}/InRelease  Temporary failure resolving 'mirror.example'`,
      said: /can't be reached\. Check the network/,
    },
    {
      what: "a mirror that does not answer",
      line: `E: Failed to fetch ${address}/InRelease  Could not connect to mirror.example:80 (203.0.113.1). - connect (111: Connection refused)`,
      said: /can't be reached\. Check the network/,
    },
    {
      what: "a clock that is slow",
      line: `E: Release file for ${address}/InRelease is not valid yet (invalid for another 20d 0h 52min 52s). Updates for this repository will not be applied.`,
      said: /this machine's clock is slow\. Set it/,
    },
  ];
  for (const { what, line, said } of faults) {
    it(`says in plain words what to do about ${what}`, async () => {
      const { message } = await failing(["I: chosen mode: unshare", line, "E: mmdebstrap failed to run"]);
      assert.match(message, said);
      assert.doesNotMatch(message, /mmdebstrap/);
    });
  }

  it("shows apt's own line with the address", async () => {
    const size = "File has unexpected size (1 != 2). Mirror sync in progress?";
    const { message } = await failing([`  ${size}`, `E: Failed to fetch ${address}/Packages.xz  ${size}`]);
    assert.match(message, /\n {2}E: Failed to fetch http:\/\/mirror\.example\/.*\n/);
  });

  it("says nothing of a failure when the user has interrupted the work", async () => {
    const { error } = await failing(["E: interrupted"], AbortSignal.abort("stopped by the user"));
    assert.equal(error, "stopped by the user");
  });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import path from "node:path";
import { openExt4 } from "../../formats/ext4/ext4.ts";
import { silent } from "../../lib/progress.ts";
import type { Emulation } from "../../steps/image/foreign/emulation.ts";
import { emulationFor } from "../../steps/image/layers/cached-layers.ts";
import { chooseSource } from "../../steps/image/layers/choose-source.ts";
import { hostPlatform } from "../../toolchain/platform.ts";
import { installSystem } from "../engine/image/install.ts";
import { testManifest } from "../unit/image/manifest.ts";

const context = { progress: silent, signal: new AbortController().signal };

const architecture = hostPlatform().architecture === "arm64" ? "amd64" : "arm64";
const kernel = `linux-image-${architecture}`;

const manifest = testManifest({
  architecture,
  packages: [kernel, "openssh-server", "prometheus-node-exporter", "systemd-resolved", "systemd-timesyncd"],
  disk: { firmware: "raspberry-pi", bootMiB: 64, rootMiB: 800, grows: false },
});

/** Too slow for every change: one of the two is installed by emulation alone. */
describe("a system of another architecture", function () {
  this.timeout(60 * 60_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp("/var/tmp/piinit-tree-");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is the same, file by file, with the host's programs and without them", async () => {
    const emulation = await emulationFor(architecture, chooseSource(manifest), context);
    assert.ok(emulation?.native, "the host's programs can't be used here");
    const quick = await treeOf(await install("quick", emulation));
    const slow = await treeOf(await install("slow", { ...emulation, native: undefined }));
    const names = new Set([...quick.keys(), ...slow.keys()]);
    const different = [...names].filter((name) => quick.get(name) !== slow.get(name));
    assert.deepEqual(
      different.map((name) => `${name}: ${quick.get(name)} | ${slow.get(name)}`),
      [],
    );
    assert.ok(names.size > 5000, `${names.size} files`);
  });

  const install = (name: string, emulation: Emulation) => installSystem(manifest, path.join(folder, name), emulation);
});

/** What tells each file from another: its kind, rights, owner, target, attributes and content. */
async function treeOf(image: string): Promise<Map<string, string>> {
  const handle = await open(image);
  const fileSystem = await openExt4(
    async (offset, length) => (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer,
  );
  const tree = new Map<string, string>();
  for await (const entry of fileSystem.walk()) {
    const { type, mode, uid, gid, target, size, attributes } = entry;
    const hash = createHash("sha256");
    if (type === "file") for await (const piece of fileSystem.content(entry)) hash.update(piece);
    const more = [...attributes].map(([name, value]) => `${name}=${value}`);
    tree.set(entry.path, [type, mode.toString(8), uid, gid, size, target, ...more, hash.digest("hex")].join(" "));
  }
  await handle.close();
  return tree;
}

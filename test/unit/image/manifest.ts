import type { Manifest } from "../../../steps/image/manifest/manifest.ts";

/** A small manifest for tests, with the given parts in place of its own. */
export function testManifest(parts: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    name: "server",
    board: "lab",
    architecture: "amd64",
    base: { distribution: "debian", suite: "trixie", components: [], backports: [] },
    packages: ["linux-image-cloud-amd64"],
    programs: [],
    users: [],
    directories: [],
    files: [],
    links: [],
    boot: { modules: ["virtio_blk", "ext4"], commandLine: "console=ttyS0", files: [] },
    disk: { firmware: "none", bootMiB: 32, rootMiB: 320, grows: false },
    ...parts,
  };
}

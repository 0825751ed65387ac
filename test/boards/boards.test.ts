import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BoardName, boardArchitectures } from "../../commands/image/boards/catalogue.ts";
import { diskGeometry } from "../../commands/image/build/geometry.ts";
import { buildImage } from "../../commands/image/build.ts";
import type { ImageContext } from "../../commands/image/contribution.ts";
import type { BuiltImage, Manifest } from "../../commands/image/manifest.ts";
import { plan, type RoleOptions } from "../../commands/image/plan.ts";
import { runOnHost } from "../../lib/host.ts";
import { progressOnStderr } from "../../lib/progress.ts";
import { getTool } from "../../toolchain/tools.ts";
import { bootFile, emulated, type Running, switchOn } from "./emulator.ts";

const gossip = "Y29uc3VsLWdvc3NpcC1rZXktMzItYnl0ZXMtbG9uZyE=";
const passphrase = "correct horse battery";

const context: ImageContext = {
  datacenter: "home",
  consulServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
  nomadServers: [],
  machines: [],
  gossipKeys: { consul: gossip, nomad: gossip },
};

const boards = (Object.keys(boardArchitectures) as BoardName[]).filter((board) => board !== "lab");
const minutes = 60_000;

/** Too heavy for every change: each board's image is built, opened and, where QEMU has such a board, booted. */
describe("the image of", function () {
  this.timeout(60 * minutes);
  const folder = mkdtempSync(path.join(tmpdir(), "piinit-boards-"));
  const keyFile = path.join(folder, "key");
  let key = "";

  before(async () => {
    await runOnHost("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keyFile]);
    key = readFileSync(`${keyFile}.pub`, "utf8").trim();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const manifestOf = (board: BoardName): Manifest => {
    const roles: RoleOptions = {
      consul: "client",
      "node-exporter": true,
      ssh: { keys: [key] },
      ...(board === "pi-zero" && { wifi: { ssid: "home", country: "DE", passphrase } }),
    };
    return plan({ name: board, board, roles }, context, "amd64");
  };
  const build = (manifest: Manifest): Promise<BuiltImage> =>
    buildImage({ manifest, outputDir: path.join(folder, "images") }, getTool, {
      progress: progressOnStderr(),
      signal: new AbortController().signal,
    });

  for (const board of boards) {
    it(`${board} is laid out as its firmware wants it, with everything of the manifest in it and no identity`, async () => {
      const manifest = manifestOf(board);
      const image = await build(manifest);
      const { offset } = diskGeometry(manifest.disk).root;
      const sector = readFileSync(image.path).subarray(0, 512);
      assert.deepEqual(
        [sector[450], sector[466], sector.readUInt32LE(454), sector.readUInt32LE(470) * 512],
        [manifest.disk.firmware === "uefi" ? 0xef : 0x0c, 0x83, 8192, offset],
      );
      for (const { path: file } of manifest.boot.files) await bootFile(image.path, file, path.join(folder, "file"));
      await bootFile(image.path, "cmdline.txt", path.join(folder, "file"));
      assert.match(readFileSync(path.join(folder, "file"), "utf8"), / root=LABEL=root\n$/);
      const read = (file: string) =>
        runOnHost("debugfs", ["-R", `cat ${file}`, `${path.basename(image.path)}?offset=${offset}`], {
          cwd: path.dirname(image.path),
        });
      for (const { path: file, text } of manifest.files) assert.equal(await read(file), text.trimEnd(), file);
      assert.equal(await read("/etc/machine-id"), "");
      for (const absent of ["/etc/hostname", "/etc/ssh/ssh_host_ed25519_key", "/var/lib/systemd/random-seed"])
        assert.match(await read(absent), /File not found|^$/, absent);
      const lists = readFileSync(image.path.replace(/img$/, "contents.json"), "utf8");
      assert.ok(!readFileSync(image.path).includes(passphrase), "the passphrase is in the image");
      assert.ok(!lists.includes(gossip) && lists.includes(image.sha256));
    });
  }

  const boots: { what: string; board: BoardName; as: keyof typeof emulated; name: string }[] = [
    { what: "pi3 boots on QEMU's own ARM machine to a Consul client", board: "pi3", as: "virt", name: "node7" },
    { what: "pi3 boots on a Raspberry Pi 3 from its card", board: "pi3", as: "raspi3b", name: "node8" },
    { what: "amd64 boots by UEFI to a Consul client", board: "amd64", as: "uefi", name: "node9" },
  ];
  for (const { what, board, as, name } of boots) {
    it(`${what}, called as DHCP says, on the whole card`, async () => {
      const image = await build(manifestOf(board));
      let machine: Running | undefined;
      try {
        machine = await switchOn(image, emulated[as], { dir: path.join(folder, name), name, keyFile, ports: [8500] });
        assert.equal(await machine.ssh("hostname"), name);
        assert.equal(await machine.ssh("findmnt -no FSTYPE,SOURCE /data | tr -s ' ' | cut -d/ -f1"), "ext4 ");
        const [root = 0, data = 0] = (await machine.ssh("df -m --output=size / /data | tail -n 2"))
          .split("\n")
          .map(Number);
        assert.ok(root > 2800 && data > 1500, `root ${root} MiB, data ${data} MiB`);
        assert.match(await machine.ssh("cat /etc/machine-id"), /^[0-9a-f]{32}$/);
        assert.equal(await machine.ssh("systemctl --failed --no-legend --plain"), "");
        assert.equal(await machine.ssh("swapon --noheadings"), "");
        const self = await machine.ssh(
          "until consul info >/dev/null 2>&1; do sleep 2; done; consul info -json 2>/dev/null || consul info",
        );
        assert.match(self, /server = false/);
      } finally {
        await machine?.stop();
      }
    });
  }
});

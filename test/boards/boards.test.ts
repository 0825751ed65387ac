import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runOnHost } from "../../lib/host.ts";
import { progressOnStderr } from "../../lib/progress.ts";
import { type BoardName, boardNames } from "../../steps/image/boards/catalogue.ts";
import { buildImage } from "../../steps/image/layers/build-image.ts";
import type { BuiltImage } from "../../steps/image/manifest/contract.ts";
import type { ImageContext } from "../../steps/image/manifest/contribution.ts";
import { diskGeometry } from "../../steps/image/manifest/geometry.ts";
import type { Manifest } from "../../steps/image/manifest/manifest.ts";
import { type ImagePlan, plan } from "../../steps/image/plan/plan.ts";
import type { RoleOptions } from "../../steps/image/roles/catalogue.ts";
import { getTool } from "../../toolchain/tools.ts";
import { namesIn, textOf } from "../engine/image/look.ts";
import { bootFile, emulated, putOnCard, type Running, switchOn } from "./emulator.ts";

const gossip = "Y29uc3VsLWdvc3NpcC1rZXktMzItYnl0ZXMtbG9uZyE=";
const passphrase = "correct horse battery";

const context: ImageContext = {
  datacenter: "home",
  consulServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
  nomadServers: [],
  machines: [],
  gossipKeys: { consul: gossip, nomad: gossip },
};

const boards = boardNames.filter((board) => board !== "lab");
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

  const manifestOf = (board: BoardName, more: Partial<ImagePlan> = {}): Manifest => {
    const roles: RoleOptions = {
      consul: "client",
      "node-exporter": true,
      ssh: { keys: [key] },
      ...(board === "pi-zero" && { wifi: { ssid: "home", country: "DE", passphrase } }),
    };
    return plan({ name: board, board, roles, ...more }, context, "amd64");
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
      for (const file of manifest.boot.files)
        if ("path" in file) await bootFile(image.path, file.path, path.join(folder, "file"));
      await bootFile(image.path, "A/cmdline.txt", path.join(folder, "file"));
      assert.match(readFileSync(path.join(folder, "file"), "utf8"), / root=PARTUUID=7069696e-02\n$/);
      for (const { path: file, text } of manifest.files) assert.equal(await textOf(image.path, file), text, file);
      assert.equal(await textOf(image.path, "/etc/machine-id"), "");
      const names = await Promise.all(["/etc", "/etc/ssh", "/var/lib/systemd"].map((at) => namesIn(image.path, at)));
      assert.ok(names.every((some) => some.length > 0) && names.flat().includes("ssh"));
      for (const absent of ["hostname", "ssh_host_ed25519_key", "random-seed"])
        assert.ok(!names.flat().includes(absent));
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
      const card = path.join(folder, `${name}.card`);
      await putOnCard((await build(manifestOf(board))).path, card);
      await booted(card, { as, name }, async (machine) => {
        // SSH answers as soon as there is an address; the name follows.
        assert.equal(await machine.ssh("until [ -s /run/piinit/machine ]; do sleep 1; done; hostname"), name);
        assert.match(await machine.ssh("findmnt -no FSTYPE,OPTIONS /data"), /^ext4 .*noatime/);
        const sizes = await machine.ssh("df -m --output=size / /data | tail -n 2");
        const [root = 0, data = 0] = sizes.split("\n").map(Number);
        assert.ok(root > 2800 && data > 1500, `root ${root} MiB, data ${data} MiB`);
        assert.match(await machine.ssh("cat /etc/machine-id"), /^[0-9a-f]{32}$/);
        assert.equal(await machine.ssh("swapon --noheadings"), "");
        const agent = await machine.ssh("until consul info; do sleep 2; done");
        assert.match(agent, /server = false/);
        assert.equal(await machine.ssh("systemctl --failed --no-legend --plain"), "");
      });
    });
  }

  it("a read-only root is never written to, and its data are there under a new image when they are to be kept", async () => {
    const card = path.join(folder, "kept.card");
    const as = { as: "uefi", name: "node10" } as const;
    const kept = { readOnlyRoot: true, keepData: true };
    const first = await build(manifestOf("amd64", kept));
    await putOnCard(first.path, card);
    const rootOf = (image: BuiltImage) =>
      digestOf(card, diskGeometry(manifestOf("amd64").disk).root.offset, image.bytes);
    const before = rootOf(first);
    await booted(card, as, async (machine) => {
      assert.match(await machine.ssh("findmnt -no FSTYPE /"), /^overlay$/);
      await machine.ssh("echo lost >/etc/motd; echo kept >/data/mark; sync");
    });
    assert.equal(rootOf(first), before);
    const files = [{ path: "/etc/issue", mode: "0644", owner: "root", text: "a new image\n" }];
    await putOnCard((await build(manifestOf("amd64", { ...kept, files }))).path, card);
    await booted(card, as, async (machine) => {
      assert.equal(await machine.ssh("cat /etc/issue /data/mark"), "a new image\nkept");
      assert.doesNotMatch(await machine.ssh("cat /etc/motd 2>/dev/null; true"), /lost/);
      assert.equal(await machine.ssh("systemctl --failed --no-legend --plain"), "");
    });
  });

  it("a machine that is a cluster of its own offers Docker, and the disk that jobs ask for", async () => {
    const roles: RoleOptions = {
      consul: "server",
      nomad: {
        role: "both",
        docker: true,
        dockerFolders: false,
        volumes: { films: { label: "films", readOnly: false } },
      },
      ssh: { keys: [key] },
    };
    // What QEMU's own DHCP server gives to the first who asks.
    const alone = { ...context, consulServers: ["10.0.2.15"], nomadServers: ["10.0.2.15"] };
    const image = await build(plan({ name: "alone", board: "amd64", roles }, alone, "amd64"));
    const [card, disk] = [path.join(folder, "alone.card"), path.join(folder, "films")];
    await putOnCard(image.path, card);
    await runOnHost("mke2fs", ["-q", "-t", "ext4", "-L", "films", disk, "64M"]);
    await booted(card, { as: "uefi", name: "node11", disks: [disk] }, async (machine) => {
      const node = await machine.ssh("until nomad node status -self -json; do sleep 5; done");
      const { Drivers, HostVolumes } = JSON.parse(node);
      assert.deepEqual([Drivers.docker?.Healthy, Drivers.exec?.Healthy], [true, true]);
      assert.equal(HostVolumes?.films?.Path, "/mnt/films");
      assert.equal(await machine.ssh("systemctl --failed --no-legend --plain"), "");
    });
  });

  it("a machine without a name on the wire takes the one that it is given over Wi-Fi, with the derived key", async () => {
    const wifi = { ssid: "home", country: "DE", passphrase };
    const roles: RoleOptions = { consul: "client", ssh: { keys: [key] }, wifi };
    const files = [{ path: "/usr/lib/access-point", mode: "0755", owner: "root", text: accessPoint(wifi, "radio1") }];
    const packages = ["dnsmasq-base", "hostapd", "iproute2", "iw"];
    const image = await build(plan({ name: "wireless", board: "amd64", roles, packages, files }, context, "amd64"));
    const card = path.join(folder, "wireless.card");
    await putOnCard(image.path, card);
    await booted(card, { as: "uefi", name: "" }, async (machine) => {
      await machine.ssh("systemd-run --quiet /usr/lib/access-point");
      await machine.ssh("until grep -q '^radio1 ' /run/piinit/machine; do sleep 2; done");
      assert.equal(await machine.ssh("cat /run/piinit/machine"), "radio1 192.168.77.12 02:00:00:00:00:00");
      assert.equal(await machine.ssh("hostname"), "radio1");
      assert.match(await machine.ssh("until consul members; do sleep 2; done"), /^radio1 +192\.168\.77\.12:/m);
      assert.equal(await machine.ssh("grep -rlF 'correct horse' /etc || true"), "");
    });
  });

  async function booted(
    card: string,
    { as, name, disks = [] }: { as: keyof typeof emulated; name: string; disks?: string[] },
    look: (machine: Running) => Promise<void>,
  ): Promise<void> {
    const machine = await switchOn(card, emulated[as], { dir: path.join(folder, name), name, keyFile, disks });
    try {
      await look(machine);
    } finally {
      await machine.stop();
    }
  }
});

/** A script for the machine itself: simulated radios, one of them an access point with a DHCP server of its own. */
function accessPoint(
  { ssid, country, passphrase: text }: { ssid: string; country: string; passphrase: string },
  host: string,
) {
  return `#!/bin/sh
set -eux
modprobe mac80211_hwsim radios=2
sleep 2
for phy in /sys/class/ieee80211/*; do [ -d "$phy/device/net/wlan0" ] || break; done
card=$(ls "$phy/device/net")
ip netns add outside
iw phy "\${phy##*/}" set netns name outside
cat >/run/access-point <<END
interface=$card
driver=nl80211
ssid=${ssid}
country_code=${country}
hw_mode=g
channel=6
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=${text}
END
ip netns exec outside ip address add 192.168.77.1/24 dev "$card"
ip netns exec outside dnsmasq --interface="$card" --port=0 --dhcp-range=192.168.77.10,192.168.77.20 --dhcp-host=02:00:00:00:00:00,192.168.77.12,${host}
exec ip netns exec outside hostapd /run/access-point
`;
}

/** The SHA-256 of a part of a file. */
function digestOf(file: string, from: number, to: number): string {
  const hash = createHash("sha256");
  const handle = openSync(file, "r");
  const buffer = Buffer.alloc(4 * 1024 * 1024);
  for (let at = from; at < to; at += buffer.length) {
    hash.update(buffer.subarray(0, readSync(handle, buffer, 0, Math.min(buffer.length, to - at), at)));
  }
  closeSync(handle);
  return hash.digest("hex");
}

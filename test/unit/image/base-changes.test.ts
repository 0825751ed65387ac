import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { bootCommandLine, bootFolder, edits, isOmitted } from "../../../steps/image/existing/base-changes.ts";
import { checkSystem } from "../../../steps/image/existing/check-system.ts";

const words = "cgroup_enable=memory fsck.repair=yes";
const root = "PARTUUID=7069696e-02";
const changed = (line: string) => bootCommandLine(line, words, root);

describe("the command line of an existing image", () => {
  it("is kept as it is, but for the root file system and the words that are wanted, once each", () => {
    assert.equal(
      changed(
        "console=serial0,115200 console=tty1 root=PARTUUID=7351b90c-02 rootfstype=ext4 fsck.repair=yes rootwait cfg80211.ieee80211_regdom=DE\n",
      ),
      `console=serial0,115200 console=tty1 rootfstype=ext4 rootwait cfg80211.ieee80211_regdom=DE root=${root} ${words}`,
    );
    assert.equal(changed(changed("quiet")), changed("quiet"));
  });

  it("loses what would change the partitions or run a script on the first boot", () => {
    for (const word of [
      "resize",
      "init=/usr/lib/raspberrypi-sys-mods/firstboot",
      "init=/usr/lib/raspi-config/init_resize.sh",
      "systemd.run=/boot/firstrun.sh",
      "systemd.run_success_action=reboot",
      "systemd.unit=kernel-command-line.target",
      "ds=nocloud;i=1234",
      "cgroup_disable=memory",
    ])
      assert.equal(changed(`rootwait ${word} quiet`), changed("rootwait quiet"), word);
  });

  it("keeps words that only look alike, and reads the first line only", () => {
    assert.equal(changed("resizer rootwait\nsecond line"), `resizer rootwait root=${root} ${words}`);
  });
});

describe("taking over the files of an existing image", () => {
  it("leaves out what belongs to one machine or is made anew", () => {
    for (const path of [
      "etc/hostname",
      "etc/ssh/ssh_host_ed25519_key",
      "etc/NetworkManager/system-connections/home.nmconnection",
      "etc/wpa_supplicant/wpa_supplicant.conf",
      "var/lib/NetworkManager/secret_key",
      "var/lib/cloud/instance",
      "var/lib/dbus/machine-id",
      "var/lib/systemd/random-seed",
      "var/swap",
      "lost+found",
      "dev/console",
      "run/lock",
    ])
      assert.ok(isOmitted(path), path);
  });

  it("takes everything else, the emptied folders themselves too", () => {
    for (const path of [
      "dev",
      "run",
      "tmp",
      "etc/hosts",
      "etc/ssh/sshd_config",
      "usr/bin/ping",
      "etc/hostname.d",
      "device",
    ])
      assert.ok(!isOmitted(path), path);
  });

  it("locks every account that a password opens, an empty one too", () => {
    const shadow = "root:*:1::::::\npi:$y$j9T$abc:19000:0:99999:7:::\nguest::19000::::::\ndaemon:!*:1::::::\n";
    assert.equal(
      edits["etc/shadow"]?.(shadow),
      "root:*:1::::::\npi:!*:19000:0:99999:7:::\nguest:!*:19000::::::\ndaemon:!*:1::::::\n",
    );
  });

  it("forgets the name that the image gave itself", () => {
    assert.equal(
      edits["etc/hosts"]?.("127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n::1 localhost\n127.0.1.1 again"),
      "127.0.0.1\tlocalhost\n::1 localhost\n",
    );
  });

  it("finds where the system has its FAT partition", () => {
    const line = (place: string) =>
      `proc /proc proc defaults 0 0\n# PARTUUID=1-01 /boot/old vfat\nPARTUUID=1-01  ${place}  vfat  defaults  0  2\n`;
    assert.equal(bootFolder(line("/boot/firmware")), "boot/firmware");
    assert.equal(bootFolder(line("/boot")), "boot");
    assert.equal(bootFolder("LABEL=usb /mnt vfat defaults 0 0\n"), "boot/firmware");
  });
});

describe("the system of an existing image", () => {
  const release = (version: string) => `PRETTY_NAME="Debian GNU/Linux ${version}"\nVERSION_ID="${version}"\n`;
  const status = (architecture: string) =>
    `Package: dpkg\nStatus: install ok installed\nArchitecture: ${architecture}\nVersion: 1.22\n`;

  it("is told by its packages when it suits the board", () => {
    assert.deepEqual(
      checkSystem(release("13"), status("arm64"), "arm64").map(({ name }) => name),
      ["dpkg"],
    );
    assert.ok(
      checkSystem(release("12"), status("armhf"), "armel"),
      "32-bit systems for the first boards are armhf too",
    );
    assert.ok(checkSystem('PRETTY_NAME="Debian forky/sid"\n', status("arm64"), "arm64"));
  });

  it("is refused when it is for other processors, too old, or not Debian", () => {
    const refused = (message: RegExp, ...args: Parameters<typeof checkSystem>) =>
      assert.throws(
        () => checkSystem(...args),
        (error: Error) => error instanceof UserError && message.test(error.message),
      );
    refused(/Linux 13 for armhf, but the board needs one for arm64/, release("13"), status("armhf"), "arm64");
    refused(/Linux 9, but Debian 12 \(bookworm\) or later/, release("9"), status("armhf"), "armhf");
    refused(/holds Alpine, which is not Debian/, "PRETTY_NAME=Alpine\n", "", "arm64");
    refused(/something unknown/, "", "", "arm64");
  });
});

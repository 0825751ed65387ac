import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { silent } from "../../lib/progress.ts";
import { imageId } from "../../steps/image-names.ts";
import { updateMachine } from "../../steps/update/update.ts";
import { emulated, putOnCard, type Running, switchOn } from "../boards/emulator.ts";
import { type Home, makeHome, never, saying } from "./home.ts";

/**
 * The image of a Raspberry Pi 3 on QEMU's own ARM machine. The test plays the firmware: before every start it reads
 * config.txt, and loads what os_prefix says.
 */
describe("a Raspberry Pi that gets a new image over the network", function () {
  this.timeout("60m");
  const folder = mkdtempSync(path.join(tmpdir(), "piinit-updates-pi-"));
  const card = path.join(folder, "card");
  let home: Home;
  let machine: Running;

  const firstLines = () => machine.ssh("mount /dev/piinit/boot /mnt && head -n 2 /mnt/config.txt; umount /mnt");
  const take = (image: string) =>
    updateMachine(home.wanted(image, machine.ports), { progress: silent, ...never }).then(
      ({ state }) => state,
      (error: Error) => error.message,
    );

  before(async () => {
    home = await makeHome(folder, "pi3");
    await putOnCard(await home.build(), card);
    const options = { dir: path.join(folder, "pi"), name: home.name, keyFile: home.keyFile };
    machine = await switchOn(card, emulated.virt, { ...options, reach: [8501, 4646], restarts: true });
    await home.grant(machine.ports);
  });
  after(async () => {
    await machine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("starts it by config.txt, and keeps it", async () => {
    assert.equal(await firstLines(), "os_prefix=A/\n#confirmed=A");
    const image = await home.build(saying("two"));
    assert.equal(await take(image), "newest");
    assert.equal(await machine.ssh("cat /etc/piinit-image"), imageId(image));
    assert.equal(await firstLines(), "os_prefix=B/\n#confirmed=B");
    assert.equal(await machine.ssh("systemctl --failed --no-legend --plain"), "");
  });

  it("puts the old one back as the first act of the new one's initial RAM disk", async () => {
    const before = await machine.ssh("cat /etc/piinit-image");
    const image = await home.build((manifest) => ({
      ...manifest,
      boot: { ...manifest.boot, commandLine: `${manifest.boot.commandLine} init=/bin/false` },
    }));
    assert.equal(await take(image), "pc1 keeps its old image: it was started again before it was healthy.");
    assert.match(machine.console(), /initrd: trying slot A; the next start is that of slot B/);
    assert.equal(await machine.ssh("cat /etc/piinit-image"), before);
    assert.equal(await firstLines(), "os_prefix=B/\n#confirmed=B");
  });
});

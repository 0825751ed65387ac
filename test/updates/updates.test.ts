import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../../lib/progress.ts";
import type { Manifest } from "../../steps/image/manifest/manifest.ts";
import { imageId, updateFileOf } from "../../steps/image-names.ts";
import { makeSigner } from "../../steps/security/signer.ts";
import { readStatuses } from "../../steps/update/cluster.ts";
import { rollBack, updateMachine } from "../../steps/update/update.ts";
import type { UpdateStatus } from "../../steps/update-messages.ts";
import { emulated, putOnCard, type Running, switchOn } from "../boards/emulator.ts";
import { type Home, makeHome, never, saying, signedBy, withText } from "./home.ts";

const minutes = 60_000;

/** A PC that boots by UEFI, and is a cluster of its own, takes new images by the very step of `up`. */
describe("a machine that gets a new image over the network", function () {
  this.timeout(40 * minutes);
  const folder = mkdtempSync(path.join(tmpdir(), "piinit-updates-"));
  const card = path.join(folder, "card");
  let home: Home;
  let machine: Running;
  let first: string;
  let second: string;

  const on = async () => {
    machine = await switchOn(card, emulated.uefi, {
      dir: path.join(folder, "machine"),
      name: home.name,
      keyFile: home.keyFile,
      reach: [8501, 4646],
      restarts: true,
    });
  };
  const status = async (): Promise<UpdateStatus> => {
    const url = `https://127.0.0.1:${machine.ports[8501]}`;
    for (;;) {
      const found = await readStatuses(url, { access: home.access }).catch(() => new Map<string, UpdateStatus>());
      const own = found.get(home.name);
      if (own && own.state !== "trying") return own;
      await sleep(2000);
    }
  };
  /** What it prints while it is updated; the last line is the reason if it was refused. */
  const update = async (image: string): Promise<string[]> => {
    const lines: string[] = [];
    const progress: Progress = { step: (line) => lines.push(line) };
    try {
      const { state } = await updateMachine(home.wanted(image, machine.ports), { progress, ...never });
      lines.push(state);
    } catch (error) {
      lines.push((error as Error).message);
    }
    return lines;
  };
  const who = () =>
    machine.ssh(
      "cat /etc/machine-id /data/consul/node-id /data/nomad/client/client-id /data/ssh/ssh_host_ed25519_key.pub",
    );

  before(async () => {
    home = await makeHome(folder);
    first = await home.build();
    second = await home.build(saying("two"));
    await putOnCard(first, card);
    await on();
    await home.grant(machine.ports);
  });
  after(async () => {
    await machine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("says which one it runs", async () => {
    const { image, slot, other, state } = await status();
    assert.deepEqual([image, slot, other, state], [imageId(first), "A", "", "running"]);
    assert.deepEqual(await update(first), ["newest"]);
  });

  it("takes it into its other slot, is who it was, and has jobs again", async () => {
    const before = await who();
    const lines = await update(second);
    assert.equal(lines.at(-1), "newest", lines.join("\n"));
    for (const state of [/: downloading: \d+ %$/, /: installing: \d+ %$/, /: restarting/])
      assert.ok(
        lines.some((line) => state.test(line)),
        `${state} ${lines.join("\n")}`,
      );
    const { image, slot, other, state } = await status();
    assert.deepEqual([image, slot, other, state], [imageId(second), "B", imageId(first), "running"]);
    assert.equal(await machine.ssh("cat /etc/motd.d/version"), "two");
    assert.equal(await machine.ssh("findmnt -no SOURCE / | tail -c 2"), "4");
    assert.equal(await who(), before);
    assert.equal(await machine.ssh("systemctl --failed --no-legend --plain"), "");
    const node = await machine.ssh(
      'curl -s --cacert /etc/nomad.d/tls/ca.pem -H "X-Nomad-Token: $(cat /data/nomad/client/secret-id)" https://127.0.0.1:4646/v1/node/$(cat /data/nomad/client/client-id)',
    );
    const { SchedulingEligibility, Status } = JSON.parse(node);
    assert.deepEqual([SchedulingEligibility, Status], ["eligible", "ready"]);
  });

  it("goes back to the one before, and forth again", async () => {
    const context = { progress: { step() {} }, ...never };
    assert.equal(await rollBack(home.wanted(second, machine.ports), context), imageId(first));
    assert.deepEqual([(await status()).slot, (await status()).other], ["A", imageId(second)]);
    // It has it still, so nothing is fetched.
    const lines = await update(second);
    assert.equal(lines.at(-1), "newest");
    assert.ok(!lines.some((line) => line.includes("downloading")), lines.join("\n"));
  });

  const refusals: { what: string; change: () => Promise<(manifest: Manifest) => Manifest>; says: RegExp }[] = [
    {
      what: "of another stack",
      change: async () => signedBy(await makeSigner()),
      says: /^pc1 keeps its old image: the update was signed by another stack: /,
    },
    {
      what: "of another board",
      change: async () => (manifest) => ({ ...manifest, board: "arm64" }),
      says: /^pc1 keeps its old image: it is another kind of machine: .*server on arm64/,
    },
  ];
  for (const { what, change, says } of refusals)
    it(`refuses one ${what}, in words`, async () => {
      const lines = await update(await home.build(await change()));
      assert.match(lines.at(-1) ?? "", says);
      const { image, slot } = await status();
      assert.deepEqual([image, slot], [imageId(second), "B"]);
    });

  it("says so when it has no room, and when nobody has it any more", async () => {
    const third = await home.build(saying("three"));
    await machine.ssh("fallocate -l $(($(df --output=avail -k /data | tail -n 1) - 51200))k /data/filler");
    assert.match(
      (await update(third)).at(-1) ?? "",
      /its data partition has \d+ MiB free, and the update needs \d+ MiB/,
    );
    await machine.ssh("rm /data/filler");
    const away = path.join(path.dirname(third), "gone.img");
    copyFileSync(updateFileOf(third), updateFileOf(away));
    const wanted = { ...home.wanted(away, machine.ports), address: "10.0.2.99" };
    await assert.rejects(
      updateMachine(wanted, { progress: { step() {} }, ...never }),
      /could not fetch the update from/,
    );
  });

  it("goes back by itself from one that is not healthy, and says why", async () => {
    const before = await status();
    const quick = withText("/usr/lib/piinit/confirm-update", (text) => text.replace("-lt 120", "-lt 12"));
    const broken = withText("/etc/nomad.d/nomad.json", () => "{}");
    const lines = await update(await home.build((manifest) => quick(broken(manifest))));
    assert.match(lines.at(-1) ?? "", /^pc1 keeps its old image: its Nomad .* after ten minutes\.$/);
    const { image, state } = await status();
    assert.deepEqual([image, state], [before.image, "failed"]);
  });

  it("goes back from one whose kernel panics", async () => {
    const before = await status();
    const lines = await update(
      await home.build((manifest) => ({
        ...manifest,
        boot: { ...manifest.boot, commandLine: `${manifest.boot.commandLine} init=/bin/false` },
      })),
    );
    assert.match(lines.at(-1) ?? "", /^pc1 keeps its old image: it was started again before it was healthy\.$/);
    assert.equal((await status()).image, before.image);
  });

  it("goes back when it loses its power in the trial, and takes it the next time", async () => {
    const before = await status();
    const fourth = await home.build((manifest) => {
      const { boot, ...rest } = saying("four")(manifest);
      return { ...rest, boot: { ...boot, commandLine: boot.commandLine.replace(" quiet", "") } };
    });
    const printed = machine.console().length;
    const cut = (async () => {
      while (!/Linux version/.test(machine.console().slice(printed))) await sleep(200);
      await machine.stop();
    })();
    void update(fourth).catch(() => {});
    await cut;
    await on();
    const after = await status();
    assert.deepEqual([after.image, after.slot], [before.image, before.slot]);
    assert.equal((await update(fourth)).at(-1), "newest");
    assert.equal(await machine.ssh("cat /etc/motd.d/version"), "four");
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { openRouter, type RouterSettings } from "../../../../steps/router/catalogue.ts";
import { type DebianRoot, whyNoDebianRoot } from "../../debian-root.ts";
import { end } from "../../sshd.ts";
import { machine } from "../bench.ts";
import { refused } from "../contract/stack-home.ts";
import { whyNoHome } from "../home.ts";
import { startRelay } from "../relay.ts";
import { type Flavour, flavours, login, startKea, startKeaOrSkip } from "./home.ts";
import { startLogin, talkersHere } from "./login.ts";
import { keaRoot } from "./program.ts";

/** In the scripts that change something. */
const change = /"reservation-|"config-set"/;
const [pi1, pi2] = [machine(1), machine(2)] as const;

const apply = (
  settings: RouterSettings,
  reservations: Reservation[],
  previous?: Reservation[],
  { signal } = new AbortController(),
) => openRouter(settings, { progress: silent, signal }).apply({ owner: "home", reservations, previous });

describe("a Kea that takes connections and says nothing", function () {
  this.timeout(300_000);

  it("is named with the time that it had, and nothing on the router waits for it longer", async function () {
    const why = (await whyNoHome()) ?? (await whyNoDebianRoot());
    if (why) this.skip();
    const root = await keaRoot(3);
    await Promise.all((await talkersHere()).map((talker) => askInVain(talker, root)));
  });

  it("in the middle of a change, over SSH, is said to be, and the next run goes on from there", async function () {
    const why = (await whyNoHome()) ?? (await whyNoDebianRoot());
    if (why) this.skip();
    await Promise.all(flavours.filter(({ generation }) => generation === 3).map(changeInVain));
  });

  it("is named behind its control agent, too, which answers again as soon as Kea does", async function () {
    const flavour = flavours.find(({ generation }) => generation === 2);
    const home = await startKeaOrSkip(this, flavour ?? flavours[0]);
    const settings: RouterSettings = { kind: "kea", url: home.url, ...login, persist: true };
    try {
      home.signal("SIGSTOP");
      await refused(apply(settings, [pi1]), /^no answer from Kea at http:\S+: silent for 20 s$/);
      home.signal("SIGCONT");
      await apply(settings, [pi1]);
      assert.deepEqual(await home.askForLease(pi1.mac), { ip: pi1.ip, hostname: pi1.name });
    } finally {
      home.signal("SIGCONT");
      await home.close();
    }
  });
});

/** Lets one program on a router ask sockets that say nothing, or only the beginning of an answer, or end; and be left by ^C. */
async function askInVain(talker: string, root: DebianRoot): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-silent-"));
  const relay = await startRelay(change);
  const ssh = await startLogin(dir, root, relay);
  const sockets: { close(): Promise<void> }[] = [];
  // Each in a folder of its own, because a script has a lock on that.
  const ask = async (name: string, says: string | undefined, pattern: RegExp, interrupts = false) => {
    await mkdir(path.join(dir, name));
    const [file, ending] = [path.join(dir, name, "kea"), new AbortController()];
    const socket = await silentSocket(file, says, () => interrupts && ending.abort());
    sockets.push(socket);
    const settings = { host: "127.0.0.1", user: userInfo().username, ...ssh.login, socket: file };
    await refused(apply({ kind: "kea", ...settings, persist: true }, [pi1], undefined, ending), pattern);
    await relay.settled();
    assert.equal(socket.open(), 0, `${talker} is still there`);
  };
  try {
    await ssh.leaveOnly(talker);
    const says = /^Kea on 127\.0\.0\.1 gives no whole answer to list-commands within 20 s$/;
    await Promise.all([
      ask("silent", "", says),
      ask("begun", '{ "arguments": [ "config-', says),
      ask("ended", undefined, says),
      ask("left", "", /^interrupted while talking to 127\.0\.0\.1$/, true),
    ]);
  } finally {
    for (const socket of sockets) await socket.close();
    await end(ssh.sshd);
    await relay.close();
    await rm(dir, { recursive: true });
  }
}

/** Without a text, it ends the connection; `asked` is told of each command. */
async function silentSocket(file: string, says: string | undefined, asked: () => unknown) {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
    socket.once("data", () => {
      if (says === undefined) socket.end();
      else socket.write(says);
      asked();
    });
  });
  server.listen(file);
  await once(server, "listening");
  return {
    open: () => open.size,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Stops a real Kea just before the script that changes something. */
async function changeInVain(flavour: Flavour): Promise<void> {
  const relay = await startRelay(change);
  const home = await startKea(flavour, relay);
  const settings: RouterSettings = { kind: "kea", ...home.ssh, persist: true };
  try {
    await apply(settings, [pi1]);
    relay.beforeChange(async () => home.signal("SIGSTOP"));
    const says = [/^Kea on 127\.0\.0\.1 gives no whole answer to (?:reservation-del|config-hash-get) within 20 s$/m];
    await refused(apply(settings, [pi2], [pi1]), ...says, /half changed .*run the same command again/);
    await relay.settled();
    home.signal("SIGCONT");
    await apply(settings, [pi2], [pi1]);
    assert.deepEqual(await home.askForLease(pi2.mac), { ip: pi2.ip, hostname: pi2.name });
  } finally {
    home.signal("SIGCONT");
    await home.close();
    await relay.close();
  }
}

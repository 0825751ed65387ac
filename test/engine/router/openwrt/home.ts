import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "../../../../lib/run.ts";
import type { OpenwrtSettings } from "../../../../steps/router/drivers/openwrt/openwrt.ts";
import { end, startSshd } from "../../sshd.ts";
import { askForLease, layCable, networkOf, ownNetwork } from "../cable.ts";
import { whyNoHome } from "../home.ts";
import { asNobody, switchIn } from "../nobody.ts";
import type { Relay } from "../relay.ts";
import { dhcpConfig, files, folders, programs } from "./root.ts";
import { uciProgram, whyNoUci } from "./uci-program.ts";

/**
 * A home router with OpenWrt's uci and dnsmasq, both real, in namespaces of their own, and a real sshd on 127.0.0.1 whose
 * sessions are in there, with nothing but busybox's programs. Only what starts dnsmasq is a stand-in.
 */
export interface OpenwrtHome {
  settings: OpenwrtSettings;
  /** Where its file system is on this machine. */
  root: string;
  /** Reads and writes files of the router; paths begin with "/". */
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  remove(file: string): Promise<void>;
  /** Runs a script in the router's shell and returns what it prints. */
  run(script: string): Promise<string>;
  /** Whether those who log in are root; only root may change that. */
  letBeRoot(isLet: boolean): Promise<void>;
  /** How often somebody has logged in. */
  logins(): number;
  /** How often dnsmasq was started with other settings. */
  restarts(): Promise<number>;
  /** Ends dnsmasq and starts it again with its files as they are now. */
  restartDnsmasq(): Promise<void>;
  /** Gives it the settings that it had at first, and no lease. */
  reset(): Promise<void>;
  /** A machine with that MAC asks for a lease, as after power-on; answers what it was given. */
  askForLease(mac: string): Promise<{ ip: string; hostname: string }>;
  close(): Promise<void>;
}

/** A router for the tests of a suite, or why they are left out. */
export async function startOpenwrtOrSkip(context: Mocha.Context, relay?: Relay): Promise<OpenwrtHome> {
  const why = (await whyNoHome()) ?? (await whyNoUci());
  if (why) {
    console.log(`      left out: ${why}`);
    context.skip();
  }
  return startOpenwrt(relay);
}

/** Its sessions pass the relay, if there is one. */
export async function startOpenwrt(relay?: Relay): Promise<OpenwrtHome> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-openwrt-"));
  await chmod(dir, 0o755);
  const root = path.join(dir, "root");
  await makeRoot(root);
  const router = await powerOn(root);
  const inside = [...networkOf(router.pid), "--mount", "--pid", "chroot", root];
  const [env, sh] = [
    [...inside, "/bin/env", "-i", "PATH=/bin:/sbin"],
    ["/bin/sh", "-s"],
  ];
  const shell = [...env, ...sh];
  const nobody = switchIn(dir);
  const ofNobody = ["nsenter", ...env, ...asNobody, ...sh];
  const command =
    relay?.commandFor(["nsenter", ...shell]) ?? nobody.command(`nsenter ${shell.join(" ")}`, ofNobody.join(" "));
  const ssh = await startSshd(dir, [`ForceCommand ${command}`]).catch(async (error) => {
    await router.off();
    throw error;
  });
  let logins = 0;
  ssh.sshd.stderr?.on("data", (data) => {
    logins += String(data).match(/Accepted publickey/g)?.length ?? 0;
  });
  const place = (file: string) => path.join(root, file);
  const home: OpenwrtHome = {
    root,
    settings: { kind: "openwrt", host: "127.0.0.1", user: (await run("id", ["-un"])).trim(), ...ssh.login },
    read: (file) => readFile(place(file), "utf8"),
    write: (file, text) => writeFile(place(file), text),
    remove: (file) => rm(place(file), { force: true }),
    run: (script) => run("nsenter", shell, { input: script }),
    letBeRoot: (isLet) => nobody.set(!isLet),
    logins: () => logins,
    restarts: async () => (await home.read("/var/log/reloads").catch(() => "")).split("\n").length - 1,
    async restartDnsmasq() {
      await home.write("/var/etc/dnsmasq.conf", ""); // What it was made from has changed.
      await home.run(startDnsmasq);
    },
    async reset() {
      await home.letBeRoot(true);
      for (const file of ["/etc/reload-fails", "/etc/ethers", "/tmp/.uci/dhcp"]) await home.remove(file);
      await home.write("/etc/dnsmasq.conf", "");
      await home.write("/etc/config/dhcp", dhcpConfig);
      await home.write("/tmp/dhcp.leases", "");
      await home.restartDnsmasq();
      await home.write("/var/log/reloads", "");
    },
    askForLease: (mac) => askForLease(router.pid, dir, mac),
    async close() {
      await end(ssh.sshd);
      await router.off();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return home.reset().then(
    () => home,
    async (error) => {
      await home.close();
      throw error;
    },
  );
}

/** Until another one runs: the old one takes a moment to end. */
const startDnsmasq = `old=$(pidof dnsmasq)
/etc/init.d/dnsmasq reload
for _ in $(seq 100); do
  new=$(pidof dnsmasq)
  if [ -n "$new" ] && [ "$new" != "$old" ]; then exit 0; fi
  sleep 0.1
done
tail -n 3 /var/log/messages >&2
exit 1`;

async function makeRoot(root: string): Promise<void> {
  for (const folder of folders) await mkdir(path.join(root, folder), { recursive: true });
  await chmod(path.join(root, "tmp"), 0o1777);
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(root, file), text);
  const busybox = (await run("sh", ["-c", "command -v busybox"])).trim();
  await copyFile(busybox, path.join(root, "bin", "busybox"));
  await run(busybox, ["--install", "-s", path.join(root, "bin")]);
  await run("sh", ["-c", 'for link in "$0"/bin/*; do [ ! -L "$link" ] || ln -sf busybox "$link"; done', root]);
  for (const [file, text] of Object.entries(programs)) {
    await rm(path.join(root, file), { force: true });
    await writeFile(path.join(root, file), text, { mode: 0o755 });
  }
  await copyFile(await uciProgram(), path.join(root, "bin", "uci"));
  // These are the host's, with its libraries; OpenWrt's busybox has a flock.
  for (const program of ["dnsmasq", "flock"]) {
    const found = (await run("sh", ["-c", `command -v ${program}`])).trim();
    await symlink(found, path.join(root, "sbin", program));
  }
  for (const folder of ["lib", "lib64"]) await symlink(`usr/${folder}`, path.join(root, folder));
}

/** Prints the number that its first process has outside. */
const firstProcess = `read -r pid _ </proc/self/stat
cd "$1"
mount --rbind /usr usr
mount --rbind /dev dev
mount -t proc proc proc
echo "$pid"
exec chroot . /bin/sh /sbin/procd 2>/dev/null`;

async function powerOn(root: string): Promise<{ pid: number; off(): Promise<void> }> {
  const spaces = [...ownNetwork(), "--mount", "--pid", "--fork", "--kill-child"];
  const script = [...layCable, firstProcess].join("\n");
  // A test that is killed must not leave a router behind.
  const untilWeEnd = ["--pdeathsig", "KILL", "--", "unshare"];
  const child: ChildProcess = spawn("setpriv", [...untilWeEnd, ...spaces, "sh", "-c", script, "sh", root], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await Promise.race([
    once(child.stdout as NodeJS.ReadableStream, "data"),
    once(child, "exit").then(() => [""]),
  ])) as [unknown];
  const pid = Number(String(line).trim());
  if (!pid) throw new Error("the namespaces of a router could not be made");
  return {
    pid,
    // unshare itself takes no signal; all in the namespace ends with its first process.
    async off() {
      const ended = once(child, "exit");
      process.kill(pid, "SIGKILL");
      await ended;
    },
  };
}

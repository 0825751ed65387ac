import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { run } from "../../../lib/run.ts";
import type { DnsmasqSettings } from "../../../steps/router/drivers/dnsmasq/dnsmasq.ts";
import { end, startSshd } from "../sshd.ts";
import { askForLease, isRoot, layCable, ownNetwork, whyNoNetwork } from "./cable.ts";
import { asNobody, switchIn } from "./nobody.ts";
import type { Relay } from "./relay.ts";

/** A home router for tests: a real sshd on 127.0.0.1 and a real dnsmasq in a network namespace of its own. */
export interface Home {
  settings: DnsmasqSettings & { leaseFile: string };
  dir: string;
  /** The file that dnsmasq was started with. */
  configFile: string;
  /** How often somebody has logged in. */
  logins(): number;
  /** dnsmasq's own log. */
  log(): Promise<string>;
  /** Ends dnsmasq and starts it again with the configuration file as it is now. */
  restartDnsmasq(): Promise<void>;
  stopDnsmasq(): Promise<void>;
  /** From now on the system ends dnsmasq as soon as it writes to its log, which it does when it reads its files again. */
  letReloadsEndDnsmasq(): Promise<void>;
  /** Whether those who log in may change anything. */
  letWrite(isLet: boolean): Promise<void>;
  /** Starts dnsmasq again without any lease. */
  forgetLeases(): Promise<void>;
  /** A machine with that MAC asks for a lease, as after power-on; answers what it was given. */
  askForLease(mac: string): Promise<{ ip: string; hostname: string }>;
  close(): Promise<void>;
}

/** Says why a home can't be made here, or nothing when it can. */
export const whyNoHome = () => whyNoNetwork("sshd", "dnsmasq", "busybox");

/**
 * `shell` is what runs our scripts: the system's own sh, or one with nothing but busybox as on small routers. Sessions
 * that pass a relay have busybox's programs anyway.
 */
export async function startHome(shell: "sh" | "busybox" = "sh", relay?: Relay): Promise<Home> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-home-"));
  const hostsDir = path.join(dir, "hosts");
  await mkdir(hostsDir);
  await chmod(dir, 0o755);
  const configFile = path.join(dir, "dnsmasq.conf");
  const leaseFile = path.join(dir, "leases");
  const logFile = path.join(dir, "dnsmasq.log");
  await writeFile(leaseFile, "");
  await writeFile(
    configFile,
    [
      "port=0",
      "interface=home0",
      "dhcp-range=192.168.2.200,192.168.2.250,1h",
      "dhcp-authoritative",
      "no-ping",
      "log-dhcp",
      `log-facility=${logFile}`,
      `dhcp-leasefile=${leaseFile}`,
      `conf-dir=${dir}/conf.d,*.conf`,
      `dhcp-hostsdir=${hostsDir}`,
      "",
    ].join("\n"),
  );
  await mkdir(path.join(dir, "conf.d"));

  const nobody = switchIn(dir);
  const command =
    shell === "busybox" || relay
      ? await commandFor(dir, shell, relay)
      : nobody.command("sh -s", `${asNobody.join(" ")} sh -s`);
  const ssh = await startSshd(dir, [`ForceCommand ${command}`]);
  let logins = 0;
  ssh.sshd.stderr?.on("data", (data) => {
    logins += String(data).match(/Accepted publickey/g)?.length ?? 0;
  });
  const clear = async (...processes: ChildProcess[]) => {
    await Promise.allSettled(processes.map(end));
    await rm(dir, { recursive: true, force: true });
  };
  let dnsmasq = await startDnsmasq(configFile).catch(async (error) => {
    await clear(ssh.sshd);
    throw error;
  });
  const settings: Home["settings"] = {
    kind: "dnsmasq",
    host: "127.0.0.1",
    user: userInfo().username,
    ...ssh.login,
    hostsDir,
    leaseFile,
  };
  const home: Home = {
    settings,
    dir,
    configFile,
    logins: () => logins,
    log: () => readFile(logFile, "utf8"),
    async stopDnsmasq() {
      await end(dnsmasq);
    },
    // An ordinary user is refused a folder that is locked, and root is not.
    letWrite: (isLet) => (isRoot ? nobody.set(!isLet) : chmod(hostsDir, isLet ? 0o755 : 0o555)),
    async letReloadsEndDnsmasq() {
      await run("prlimit", ["--pid", String(dnsmasq.pid), "--fsize=1:1"]);
    },
    async restartDnsmasq() {
      await end(dnsmasq);
      dnsmasq = await startDnsmasq(configFile);
    },
    async forgetLeases() {
      await end(dnsmasq);
      await writeFile(leaseFile, "");
      dnsmasq = await startDnsmasq(configFile);
    },
    askForLease: (mac) => askForLease(Number(dnsmasq.pid), dir, mac),
    close: () => clear(dnsmasq, ssh.sshd),
  };
  return home;
}

/** A session that has nothing but busybox's programs; its own shell takes these, whatever the PATH has. */
async function commandFor(dir: string, shell: "sh" | "busybox", relay: Relay | undefined): Promise<string> {
  const bin = path.join(dir, "bin");
  await mkdir(bin);
  const busybox = (await run("sh", ["-c", "command -v busybox"])).trim();
  await run(busybox, ["--install", "-s", bin]);
  const command = ["env", "-i", `PATH=${bin}`, shell === "busybox" ? `${bin}/sh` : "/bin/sh", "-s"];
  return relay?.commandFor(command) ?? command.join(" ");
}

/** One cable in a namespace: dnsmasq at one end, the machines in turn at the other. */
async function startDnsmasq(configFile: string): Promise<ChildProcess> {
  const script = [
    ...layCable,
    // In debug mode it does not change its user and group, which an ordinary user's namespace does not allow.
    'exec dnsmasq --no-daemon --conf-file="$1"',
  ].join("\n");
  const log = /^log-facility=(.*)$/m.exec(await readFile(configFile, "utf8"))?.[1] ?? "";
  await rm(log, { force: true });
  const child = spawn("unshare", [...ownNetwork(), "sh", "-c", script, "sh", configFile], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr: string[] = [];
  child.stderr?.on("data", (data) => stderr.push(String(data)));
  const deadline = Date.now() + 10_000;
  while (!/started, version/.test(await readFile(log, "utf8").catch(() => ""))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await end(child);
      throw new Error(`dnsmasq did not start: ${stderr.join("")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

/** A home for the tests of a suite, or why they are left out. */
export async function startHomeOrSkip(context: Mocha.Context, shell?: "sh" | "busybox", relay?: Relay): Promise<Home> {
  const why = await whyNoHome();
  if (why) {
    console.log(`      left out: ${why}`);
    context.skip();
  }
  return startHome(shell, relay);
}

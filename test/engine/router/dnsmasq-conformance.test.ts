import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../../../lib/run.ts";
import { reservationsIn } from "../../../steps/router/base/table.ts";
import { fileOptions, hostsFileEntries, parseEntry } from "../../../steps/router/drivers/dnsmasq/config.ts";
import type { Random } from "../../random.ts";
import type { Bench } from "./bench.ts";
import { conformance } from "./conformance.ts";
import { type Home, startHomeOrSkip } from "./home.ts";
import { oddValues } from "./odd-values.ts";
import { startRelay } from "./relay.ts";
import { sshFaultCases } from "./ssh-faults.ts";

conformance("dnsmasq over SSH", async (context) => {
  const home = await startHomeOrSkip(context);
  return benchOf(home, await readFile(home.configFile, "utf8"));
});

sshFaultCases("dnsmasq over SSH", async (context) => {
  const relay = await startRelay(/kill -HUP/);
  const home = await startHomeOrSkip(context, "sh", relay);
  const { hostsDir } = home.settings;
  const bin = path.join(home.dir, "bin");
  const bench = benchOf(home, await readFile(home.configFile, "utf8"));
  const mayMount = process.getuid?.() === 0;
  if (mayMount) await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", hostsDir]);
  const filler = path.join(hostsDir, ".filler");
  return {
    relay,
    bench: {
      ...bench,
      async close() {
        if (mayMount) await run("umount", ["--lazy", hostsDir]);
        await bench.close();
      },
    },
    folder: { here: bin, there: bin },
    programs: { apply: ["mv", "sync"], clear: ["rm", "sync"] },
    leftovers: async () => (await readdir(hostsDir)).filter((name) => name !== "piinit.home"),
    faults: {
      "dnsmasq ends over it": async () => {
        await home.letReloadsEndDnsmasq();
        return () => home.restartDnsmasq();
      },
      ...(mayMount && {
        "the disk is full": async () => {
          await run("sh", ["-c", 'cat /dev/zero >"$0" 2>/dev/null || true', filler]);
          return () => rm(filler);
        },
      }),
    },
  };
});

/** `withRange` is its configuration as it was started. */
function benchOf(home: Home, withRange: string): Bench {
  const configure = async (text: string) => {
    if ((await readFile(home.configFile, "utf8")) === text) return;
    await writeFile(home.configFile, text);
    await home.restartDnsmasq();
  };
  const { settings, dir } = home;
  const othersFile = path.join(dir, "conf.d", "others.conf");
  const others = () => readFile(othersFile, "utf8").catch(() => "");
  const add = (values: readonly string[]) => appendFile(othersFile, values.map((one) => `dhcp-host=${one}\n`).join(""));
  let counted = 0;
  return {
    // It finds the lease file by itself.
    settings: { ...settings, leaseFile: undefined },
    marksOwners: true,
    putOthers: (reservations) => add(reservations.map(({ mac, ip, name }) => `${mac},${ip},${name}`)),
    async putOddOthers(random) {
      await add(oddValues(random));
      const { hostsDir } = settings;
      for (const name of ["others", "piinit.home~", "piinit.homestead", ".hidden"])
        if (random.below(2)) await writeFile(path.join(hostsDir, name), oddText(random));
    },
    async others() {
      const files = (await readdir(settings.hostsDir)).filter((name) => !/^\.?piinit\.home$/.test(name)).sort();
      const texts = files.map(async (name) => `${name}\n${await readFile(path.join(settings.hostsDir, name), "utf8")}`);
      return [await others(), ...(await Promise.all(texts))].join("\n");
    },
    async reserved() {
      const names = (await readdir(settings.hostsDir)).filter((name) => !name.startsWith("."));
      const files = names.map((name) => path.join(settings.hostsDir, name));
      const texts = await Promise.all(files.map(async (file) => hostsFileEntries(file, await readFile(file, "utf8"))));
      const configured = fileOptions(await others()).map(({ value }) => parseEntry(othersFile, value));
      return reservationsIn([...texts.flat(), ...configured]);
    },
    putLease: ({ expires, mac, ip, name }) => appendFile(settings.leaseFile, `${expires} ${mac} ${ip} ${name} *\n`),
    async cost() {
      const logins = home.logins() - counted;
      counted = home.logins();
      return { logins };
    },
    turnOff: () => configure(withRange.replace(/^dhcp-range=.*$/m, "")),
    async forbidWriting() {
      await home.letWrite(false);
      return /^Nothing was changed on .*:\n {2}it lets this login change nothing: \S+ must be allowed to write to \S+hosts/;
    },
    async reset() {
      await home.letWrite(true);
      await configure(withRange);
      for (const file of await readdir(settings.hostsDir)) await rm(path.join(settings.hostsDir, file));
      await rm(othersFile, { force: true });
      await writeFile(settings.leaseFile, "");
      await home.forgetLeases();
    },
    askForLease: (mac) => home.askForLease(mac),
    broken: [
      { what: "no server", settings: { ...settings, port: 1 }, says: /can't reach the router/ },
      { what: "other host key", settings: { ...settings, hostKey: otherKey }, says: /another host key/ },
      { what: "key not let in", settings: { ...settings, keyFile: path.join(dir, "host_key") }, says: /let \S+ in/ },
      { what: "folder not read", settings: { ...settings, hostsDir: "/etc/elsewhere" }, says: /does not read/ },
    ],
    secrets: [],
    close: () => home.close(),
  };
}

/** A file of somebody's in the same folder: comments, blank lines, other ends of lines, no end at all. */
function oddText({ below, pick }: Random): string {
  const lines = Array.from({ length: below(6) }, (_, index) =>
    pick([
      `02:00:00:01:${below(90) + 10}:${index + 10},192.168.2.${190 + index}`,
      "# mine",
      "",
      `\t02:00:00:02:${below(90) + 10}:${index + 10},set:tv # not ours`,
    ]),
  );
  return lines.join(pick(["\n", "\r\n"])) + pick(["", "\n"]);
}

const otherKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

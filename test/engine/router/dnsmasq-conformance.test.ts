import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { reservationsIn } from "../../../steps/router/base/table.ts";
import { fileOptions, hostsFileEntries, parseEntry } from "../../../steps/router/drivers/dnsmasq/config.ts";
import type { Bench } from "./bench.ts";
import { conformance } from "./conformance.ts";
import { type Home, startHomeOrSkip } from "./home.ts";
import { oddValues } from "./odd-values.ts";

conformance("dnsmasq over SSH", async (context) => benchOf(await startHomeOrSkip(context)));

function benchOf(home: Home): Bench {
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
    putOddOthers: (random) => add(oddValues(random)),
    others,
    async reserved() {
      const files = (await readdir(settings.hostsDir)).map((name) => path.join(settings.hostsDir, name));
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
    async reset() {
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

const otherKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

import { reservationsIn } from "../../../../steps/router/base/table.ts";
import { hostEntries } from "../../../../steps/router/drivers/openwrt/hosts.ts";
import { parseShow } from "../../../../steps/router/drivers/openwrt/uci.ts";
import type { Bench } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { startRelay } from "../relay.ts";
import { sshFaultCases } from "../ssh-faults.ts";
import { type OpenwrtHome, startOpenwrtOrSkip } from "./home.ts";
import { oddSections } from "./odd-sections.ts";

conformance("OpenWrt's uci and dnsmasq over SSH", async (context) => benchOf(await startOpenwrtOrSkip(context)));

sshFaultCases("OpenWrt's uci and dnsmasq over SSH", async (context) => {
  const relay = await startRelay();
  const home = await startOpenwrtOrSkip(context, relay);
  const programs = ["bin/uci", "etc/init.d/dnsmasq"];
  return {
    relay,
    bench: benchOf(home),
    change: /edit commit/,
    folder: { here: home.root, there: "" },
    programs: { apply: programs, clear: programs },
    async leftovers() {
      const lines = await home.run("ls -A /etc/config; ls -d /tmp/piinit.*/ 2>/dev/null || true");
      return lines.split("\n").filter((line) => !["", "dhcp", "network"].includes(line));
    },
    /** Its temporary files are in its memory, and its dnsmasq starts with what its settings have. */
    async restart() {
      await home.run("rm -rf /tmp/piinit.*/");
      await home.restartDnsmasq();
    },
    faults: {
      "dnsmasq can't be told": async () => {
        await home.write("/etc/reload-fails", "");
        return () => home.remove("/etc/reload-fails");
      },
      "the disk is full": async () => {
        await home.run(fillDisk);
        return async () => void (await home.run(makeRoom));
      },
    },
  };
});

/** The settings are on a file system of their own then, without room for another file. */
const fillDisk = `set -e
cp -a /etc/config /tmp/config
mount -t tmpfs -o size=16k none /etc/config
cp -a /tmp/config/. /etc/config
cat /dev/zero >/etc/config/.filler 2>/dev/null || true`;
const makeRoom = `set -e
rm /etc/config/.filler
rm -r /tmp/config
cp -a /etc/config /tmp/config
umount /etc/config
cp -a /tmp/config/. /etc/config
rm -r /tmp/config`;

function benchOf(home: OpenwrtHome): Bench {
  const { settings } = home;
  const add = async (text: string) => home.write("/etc/config/dhcp", `${await home.read("/etc/config/dhcp")}\n${text}`);
  const counted = { logins: 0, restarts: 0 };
  return {
    settings,
    marksOwners: true,
    putOthers: (reservations) =>
      add(
        reservations
          .map(
            ({ mac, ip, name }) => `config host\n\toption name '${name}'\n\tlist mac '${mac}'\n\toption ip '${ip}'\n`,
          )
          .join("\n"),
      ),
    putOddOthers: (random) => add(oddSections(random)),
    async others() {
      const blocks = (await home.run("uci export dhcp")).split(/\n\n/);
      return blocks
        .filter((block) => !/^config host 'piinit_b827/.test(block.trim()))
        .join("\n\n")
        .trimEnd();
    },
    reserved: async () => reservationsIn(hostEntries(parseShow(await home.run("uci show dhcp")))),
    putLease: async ({ expires, mac, ip, name }) =>
      home.write("/tmp/dhcp.leases", `${await home.read("/tmp/dhcp.leases")}${expires} ${mac} ${ip} ${name} *\n`),
    async cost() {
      const now = { logins: home.logins(), restarts: await home.restarts() };
      const since = { logins: now.logins - counted.logins, reloads: now.restarts - counted.restarts };
      Object.assign(counted, now);
      return since;
    },
    turnOff: async () => void (await home.run("uci set dhcp.lan.ignore=1 && uci commit dhcp")),
    reset: () => home.reset(),
    askForLease: (mac) => home.askForLease(mac),
    broken: [
      { what: "no server", settings: { ...settings, port: 1 }, says: /can't reach the router/ },
      { what: "other host key", settings: { ...settings, hostKey: otherKey }, says: /another host key/ },
    ],
    secrets: [],
    close: () => home.close(),
  };
}

const otherKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;

import { reservationsIn } from "../../../../steps/router/base/table.ts";
import { hostEntries } from "../../../../steps/router/drivers/openwrt/hosts.ts";
import { parseShow } from "../../../../steps/router/drivers/openwrt/uci.ts";
import type { Bench } from "../bench.ts";
import { isRoot } from "../cable.ts";
import type { OpenwrtHome } from "./home.ts";
import { oddSections } from "./odd-sections.ts";

/** OpenWrt, with what the conformance cases ask of a router. */
export function benchOf(home: OpenwrtHome): Bench {
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
    ...(isRoot && {
      async forbidWriting() {
        await home.letBeRoot(false);
        return /^Nothing was changed on .*:\n {2}it lets this login change nothing: it may not write to \/etc\/config /;
      },
    }),
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

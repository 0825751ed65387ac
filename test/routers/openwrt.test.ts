import { benchOf } from "../engine/router/openwrt/bench.ts";
import { startOpenwrtOrSkip } from "../engine/router/openwrt/home.ts";
import { startRelay } from "../engine/router/relay.ts";
import { sshFaultCases } from "../engine/router/ssh-faults.ts";

sshFaultCases("OpenWrt's uci and dnsmasq over SSH", async (context) => {
  const relay = await startRelay(/edit commit/);
  const home = await startOpenwrtOrSkip(context, relay);
  const programs = ["bin/uci", "etc/init.d/dnsmasq"];
  return {
    relay,
    bench: benchOf(home),
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

import { pbkdf2Sync } from "node:crypto";
import { z } from "zod";
import { combine, defineRole, enable, file, mask } from "../manifest/contribution.ts";
import { dhcp } from "./dhcp.ts";

const schema = z
  .strictObject({
    ssid: z
      .string()
      .refine((ssid) => byteLength(ssid) >= 1 && byteLength(ssid) <= 32, "must have 1 to 32 bytes")
      .meta({ description: "The network's name.", example: "My Wi-Fi" }),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "must be a country's two capital letters such as DE")
      .meta({ description: "Your country: it decides which channels the radio may use.", example: "DE" }),
    passphrase: z
      .string()
      .regex(
        /^([\x20-\x7e]{8,63}|[0-9a-fA-F]{64})$/,
        "must have 8 to 63 ASCII characters, or be a key of 64 hex digits",
      )
      .meta({
        description: "The network's passphrase. The image has the key that is derived from it.",
        example: "correct horse battery staple",
        secret: "always",
      }),
  })
  .meta({ description: "Wi-Fi with a passphrase: WPA2, or the mixed mode of WPA3." });

/** Wi-Fi with a shared key (WPA2, or the mixed mode of WPA3) on the first radio, named wlan0. */
export const wifi = defineRole({
  schema,
  row: { options: "`ssid`, `country`, `passphrase`" },
  refuse: (_options, { isLab }) => (isLab ? "must be left out: virtual machines have no radio" : undefined),
  contribute: (options) =>
    combine({
      packages: ["firmware-brcm80211", "rfkill", "wireless-regdb", "wpasupplicant"],
      files: [
        file("/etc/wpa_supplicant/wpa_supplicant-wlan0.conf", supplicant(options), { mode: "0600" }),
        // The kernel must know the country before the first scan.
        file("/etc/modprobe.d/wifi-country.conf", `options cfg80211 ieee80211_regdom=${options.country}\n`),
        file("/etc/systemd/network/10-wlan0.link", radioName),
        file("/etc/systemd/network/25-wireless.network", network),
        file(`/etc/systemd/system/${unitName}.d/piinit.conf`, dropIn),
      ],
      links: [
        // Starts with the radio, not at boot: a machine without one starts as fast, and one plugged in later works.
        enable(unitName, "sys-subsystem-net-devices-wlan0.device", "/usr/lib/systemd/system/wpa_supplicant@.service"),
        // The package's own is for NetworkManager.
        mask("wpa_supplicant.service"),
      ],
    }),
});

const byteLength = (text: string) => Buffer.byteLength(text);

/** The pre-shared key of a network, 64 hex digits, as IEEE 802.11i derives it; a passphrase of 64 hex digits is the key itself. */
export function preSharedKey(ssid: string, passphrase: string): string {
  if (passphrase.length === 64) return passphrase.toLowerCase();
  return pbkdf2Sync(passphrase, ssid, 4096, 32, "sha1").toString("hex");
}

const unitName = "wpa_supplicant@wlan0.service";

// In hex, because an SSID may have any bytes. scan_ssid finds hidden networks.
function supplicant({ ssid, country, passphrase }: z.output<typeof schema>): string {
  return `country=${country}
network={
	ssid=${Buffer.from(ssid).toString("hex")}
	scan_ssid=1
	key_mgmt=WPA-PSK
	psk=${preSharedKey(ssid, passphrase)}
}
`;
}

const radioName = `[Match]
Type=wlan

[Link]
Name=wlan0
`;

// Like the wired network, with a higher metric: if both lead to the same network, the cable is used. The machine sends no
// host name, so that the lease's name is always the router's own and not an echo.
const network = `[Match]
Type=wlan

${dhcp}SendHostname=no
RouteMetric=2048
`;

const dropIn = `[Unit]
StartLimitIntervalSec=0

[Service]
ExecStartPre=-/usr/sbin/rfkill unblock wlan
Restart=always
RestartSec=5
`;

import assert from "node:assert/strict";
import { preSharedKey, wifi } from "../../../../steps/image/roles/wifi.ts";
import { fileOf, imageWith, linkOf, settingsOf, textOf } from "./fixture.ts";

const passphrase = "correct horse battery staple";
const image = imageWith({ wifi: { ssid: "Zum Löwen", country: "DE", passphrase } });
const supplicant = fileOf(image, "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf");
const unit = "wpa_supplicant@wlan0.service";

describe("a Wi-Fi key", () => {
  // The test vectors of IEEE 802.11i, annex H.4.
  const vectors = [
    ["IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"],
    ["ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"],
    ["Z".repeat(32), "a".repeat(32), "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62"],
  ] as const;
  for (const [ssid, passphrase, key] of vectors) {
    it(`is derived as the standard does: ${ssid}`, () => assert.equal(preSharedKey(ssid, passphrase), key));
  }

  it("may be given itself", () => {
    const key = "0DC0D6EB90555ED6419756B9A15EC3E3209B63DF707DD508D14581F8982721AF";
    assert.equal(preSharedKey("any", key), key.toLowerCase());
  });
});

describe("the role wifi", () => {
  it("has the key in a file that root alone may read, and the passphrase nowhere", () => {
    assert.equal(supplicant.mode, "0600");
    assert.equal(supplicant.owner, "root");
    assert.match(supplicant.text, new RegExp(`^\\tpsk=${preSharedKey("Zum Löwen", passphrase)}$`, "m"));
    assert.ok(!JSON.stringify(image).includes(passphrase));
    const withKey = image.files.filter(({ text }) => text.includes(preSharedKey("Zum Löwen", passphrase)));
    assert.deepEqual(withKey, [supplicant]);
  });

  it("knows the network by its bytes, and the country before the first scan", () => {
    assert.ok(supplicant.text.includes(`ssid=${Buffer.from("Zum Löwen").toString("hex")}\n`));
    assert.match(supplicant.text, /^country=DE$/m);
    assert.match(textOf(image, "/etc/modprobe.d/wifi-country.conf"), /ieee80211_regdom=DE$/m);
    assert.ok(image.packages.includes("wireless-regdb"));
  });

  it("starts with the radio, unblocks it and tries again whatever happens", () => {
    const wants = "/etc/systemd/system/sys-subsystem-net-devices-wlan0.device.wants";
    assert.equal(linkOf(image, `${wants}/${unit}`), "/usr/lib/systemd/system/wpa_supplicant@.service");
    const dropIn = textOf(image, `/etc/systemd/system/${unit}.d/piinit.conf`);
    assert.match(dropIn, /^ExecStartPre=-\/usr\/sbin\/rfkill unblock wlan$/m);
    assert.deepEqual(settingsOf(dropIn, "Restart"), ["always"]);
    assert.equal(linkOf(image, "/etc/systemd/system/systemd-rfkill.service"), "/dev/null");
  });

  it("asks for a lease by MAC, and leaves the traffic to the wire where there is one", () => {
    const network = textOf(image, "/etc/systemd/network/25-wireless.network");
    assert.deepEqual(settingsOf(network, "Type"), ["wlan"]);
    assert.deepEqual(settingsOf(network, "ClientIdentifier"), ["mac"]);
    assert.ok(Number(settingsOf(network, "RouteMetric")[0]) > 1024);
  });

  const refused: [string, object, RegExp][] = [
    ["no SSID", { ssid: "" }, /1 to 32 bytes/],
    ["an SSID of 33 bytes", { ssid: `${"ö".repeat(16)}x` }, /1 to 32 bytes/],
    ["a passphrase of 7 characters", { passphrase: "1234567" }, /8 to 63/],
    ["a passphrase of 64 characters that are no key", { passphrase: "x".repeat(64) }, /8 to 63/],
    ["a passphrase with an umlaut", { passphrase: "Grüße-an-alle" }, /8 to 63/],
    ["a country in small letters", { country: "de" }, /two capital letters/],
  ];
  for (const [what, part, message] of refused) {
    it(`refuses ${what}, without repeating the passphrase`, () => {
      const options = { ssid: "home", country: "DE", passphrase: "12345678", ...part };
      const { error } = wifi.schema.safeParse(options);
      assert.match(error?.message ?? "", message);
      assert.ok(!error?.message.includes(options.passphrase));
    });
  }
});

import { type Contribution, file, mask } from "../manifest/contribution.ts";

/**
 * What Raspberry Pi OS does by itself that would undo what an image is set up for: network, name, accounts, partitions
 * and swap. Names that an edition does not have do no harm.
 */
export const raspberryPiOs: Contribution = {
  // Its own name, user and network would come before those of the image.
  files: [file("/etc/cloud/cloud-init.disabled", "")],
  links: [
    ...[
      // The network is networkd's.
      "ModemManager.service",
      "NetworkManager-dispatcher.service",
      "NetworkManager-wait-online.service",
      "NetworkManager.service",
      "dhcpcd.service",
      "networking.service",
      // Questions and changes of the first boot: user, keys, country, the file system's size.
      "apply_noobs_os_config.service",
      "custom-setup.service",
      "regenerate_ssh_host_keys.service",
      "resize2fs_once.service",
      "rpi-resize.service",
      "userconf.service",
      "userconfig.service",
      "wifi-country.service",
      // The time is kept on the data file system.
      "fake-hwclock-load.service",
      "fake-hwclock-save.service",
      "fake-hwclock-save.timer",
      "fake-hwclock.service",
      // They write to the card: swap, and the board's firmware, whose partition isn't mounted.
      "rpi-eeprom-update.service",
      "rpi-resize-swap-file.service",
      "rpi-zram-writeback.timer",
    ].map(mask),
    ...["netplan", "rpi-swap-generator", "zram-generator"].map((name) => ({
      path: `/etc/systemd/system-generators/${name}`,
      target: "/dev/null",
    })),
  ],
};

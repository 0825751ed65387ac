import type { Architecture } from "../../../lib/architecture.ts";
import { file } from "../manifest/contribution.ts";
import { type Board, commonWords } from "./board.ts";

/** What QEMU's power button needs, which nothing else would load. */
const buttonModules: Partial<Record<Architecture, string>> = { amd64: "button", arm64: "gpio_keys" };

const consoles: Partial<Record<Architecture, string>> = { amd64: "ttyS0", arm64: "ttyAMA0" };

// Triggering every device takes half a minute under emulation; a virtual machine uses only these.
const fewDevices = `[Service]
ExecStart=
ExecStart=-udevadm trigger --action=add --subsystem-match=block --subsystem-match=net --subsystem-match=input --subsystem-match=rtc
`;

/** A QEMU machine of the host's architecture, with Debian's kernel for virtual machines and virtio devices only. */
export function lab(architecture: Architecture): Board {
  return {
    models: "virtual machines on this computer",
    architecture,
    components: [],
    packages: ["busybox-static", `linux-image-cloud-${architecture}`],
    files: [
      file("/etc/systemd/system/systemd-udev-trigger.service.d/lab.conf", fewDevices),
      file("/etc/modules-load.d/power-button.conf", `${buttonModules[architecture]}\n`),
    ],
    boot: {
      modules: ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng", "ext4"],
      commandLine: `console=${consoles[architecture]} ${commonWords} quiet`,
      files: [],
    },
    disk: { firmware: "none", bootMiB: 32, rootMiB: 640, grows: false },
    clock: "host",
    isVirtual: true,
  };
}

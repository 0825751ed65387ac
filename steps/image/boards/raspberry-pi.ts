import type { Architecture } from "../../../lib/architecture.ts";
import type { BootFile } from "../manifest/manifest.ts";
import { firstSlot, trialWord } from "../manifest/slots.ts";
import { type Board, card, commonWords } from "./board.ts";

/** What differs between models. */
interface Model {
  models: string;
  architecture: Architecture;
  /** The package with the kernel. */
  kernel: string;
  /** Prefixes of the names of its device trees, of which the firmware picks the right one. */
  deviceTrees: string[];
  /** The first and second stage of the firmware, which newer boards have in a chip. */
  firmware: string[];
  /** The kernel's name of the serial console. */
  console: string;
  /** Kernel modules to reach the root file system, on the card and on USB. */
  modules: string[];
  clock: Board["clock"];
  /** Whether the kernel comes from Debian's backports. */
  backports?: boolean;
}

const oldFirmware = ["bootcode.bin", "start.elf", "fixup.dat"];
const usb = ["usb_storage", "uas"];
// QEMU's generic ARM machine has its virtual devices on PCI if the kernel supports that.
const pci = ["virtio_pci"];
/** To read and write config.txt. */
const bootPartition = ["vfat", "nls_cp437", "nls_ascii"];
const cardReader = ["sdhci_iproc", "bcm2835", "fixed", "gpio_regulator"];

/** Every model of the Raspberry Pi by its name in the settings. A new model is an entry here. */
export const raspberryPis = {
  pi2: raspberryPi({
    models: "Raspberry Pi 2 B",
    architecture: "armhf",
    kernel: "linux-image-armmp",
    deviceTrees: ["bcm2836-rpi-2-", "bcm2837-rpi-2-"],
    firmware: oldFirmware,
    console: "ttyAMA0",
    modules: [...cardReader, "phy_generic", "dwc2", ...usb, ...pci],
    clock: "none",
  }),
  // The Zero 2 W has the Pi 3's processor.
  pi3: raspberryPi({
    models: "Raspberry Pi 3 B, 3 B+, 3 A+, Compute Module 3, Zero 2 W",
    architecture: "arm64",
    kernel: "linux-image-arm64",
    deviceTrees: ["bcm2837-rpi-"],
    firmware: oldFirmware,
    console: "ttyS1",
    modules: [...cardReader, "raspberrypi_cpufreq", "phy_generic", "dwc2", ...usb, ...pci],
    clock: "none",
  }),
  pi4: raspberryPi({
    models: "Raspberry Pi 4 B, 400, Compute Module 4",
    architecture: "arm64",
    kernel: "linux-image-arm64",
    deviceTrees: ["bcm2711-rpi-"],
    firmware: ["start4.elf", "fixup4.dat"],
    console: "ttyS1",
    modules: [...cardReader, "raspberrypi_cpufreq", "reset_raspberrypi", "xhci_pci", ...usb, ...pci],
    clock: "none",
  }),
  pi5: raspberryPi({
    models: "Raspberry Pi 5 and 500, with either stepping of its processor (the 2 and 16 GB ones have the newer, D0)",
    architecture: "arm64",
    kernel: "linux-image-arm64",
    // Its network card is behind a chip that only kernels since 6.17 support.
    backports: true,
    deviceTrees: ["bcm2712-"],
    // The first stages are in the board's EEPROM.
    firmware: [],
    console: "ttyAMA10",
    modules: ["sdhci_brcmstb", "xhci_pci", "nvme", ...usb, ...pci],
    clock: "none",
  }),
  "pi-zero": raspberryPi({
    models: "Raspberry Pi Zero, Zero W, all of the first Raspberry Pis",
    architecture: "armel",
    kernel: "linux-image-rpi",
    deviceTrees: ["bcm2835-rpi-"],
    firmware: oldFirmware,
    console: "ttyAMA0",
    modules: ["bcm2835", "sdhci_iproc", "phy_generic", "dwc2", ...usb],
    clock: "none",
  }),
};

function raspberryPi(model: Model): Board {
  return {
    models: model.models,
    architecture: model.architecture,
    components: ["non-free-firmware"],
    packages: ["busybox-static", "firmware-brcm80211", "raspi-firmware", model.kernel, "wireless-regdb"],
    backports: model.backports ? [model.kernel] : [],
    files: [],
    boot: {
      // The virtio modules let QEMU's generic ARM machine boot the same image.
      modules: [...model.modules, "virtio_mmio", "virtio_blk", "virtio_net", "ext4", ...bootPartition],
      // The firmware disables the memory cgroup, without which Nomad can't limit a task's memory.
      commandLine: `console=tty0 console=${model.console},115200 cgroup_enable=memory rootwait ${commonWords} ${trialWord} quiet`,
      files: bootFiles(model),
    },
    disk: { firmware: "raspberry-pi", ...card },
    clock: model.clock,
  };
}

function bootFiles({ architecture, deviceTrees, firmware }: Model): BootFile[] {
  return [
    { path: "config.txt", text: configText(architecture) },
    ...firmware.map((name) => ({ path: name, copyOf: `/usr/lib/raspi-firmware/${name}` })),
    { deviceTrees },
  ];
}

/**
 * The first two lines say which slot is started, and which is known to work: see roles/boot-choice.ts.
 * upstream_kernel: the firmware uses the mainline kernel's names of device trees.
 */
function configText(architecture: Architecture): string {
  const lines = [
    `os_prefix=${firstSlot}/`,
    `#confirmed=${firstSlot}`,
    ...(architecture === "arm64" ? ["arm_64bit=1"] : []),
    "enable_uart=1",
    "upstream_kernel=1",
    "kernel=vmlinuz",
    "initramfs initrd.img followkernel",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

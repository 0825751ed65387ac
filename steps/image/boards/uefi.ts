import type { Architecture } from "../../../lib/architecture.ts";
import { firstSlot } from "../manifest/slots.ts";
import { type Board, card, commonWords } from "./board.ts";

/** The names that differ between architectures. `suffix`: of UEFI's boot loader file. */
const names = {
  amd64: { models: "a PC, a NUC, or another machine that boots by UEFI", suffix: "x64", console: "ttyS0" },
  arm64: { models: "an ARM board that boots by UEFI", suffix: "aa64", console: "ttyAMA0" },
} satisfies Partial<Record<Architecture, unknown>>;

/** A machine that boots by UEFI: a NUC or another PC, an ARM board with UEFI. */
export function uefi(architecture: keyof typeof names): Board {
  const { suffix, console, models } = names[architecture];
  return {
    models,
    architecture,
    components: ["non-free-firmware"],
    // Most home machines have a network card by Realtek, and some models need firmware.
    packages: ["busybox-static", "firmware-realtek", `linux-image-${architecture}`, "systemd-boot-efi"],
    files: [],
    boot: {
      modules: [...storage, "virtio_mmio", "virtio_pci", "virtio_blk", "virtio_net", "virtio_scsi", "efivarfs", "ext4"],
      commandLine: `console=tty0 console=${console},115200 rootwait ${commonWords} quiet`,
      files: [
        {
          path: `EFI/BOOT/BOOT${suffix.toUpperCase()}.EFI`,
          copyOf: `/usr/lib/systemd/boot/efi/systemd-boot${suffix}.efi`,
        },
        { path: "loader/loader.conf", text: "timeout 0\neditor no\n" },
        { path: `loader/entries/piinit-${firstSlot}.conf`, text: loaderEntry },
      ],
    },
    disk: { firmware: "uefi", ...card },
    clock: "battery",
  };
}

/** Drivers for the disks of home machines: NVMe, SATA, USB, memory cards. */
const storage = ["nvme", "ahci", "sd_mod", "xhci_pci", "usb_storage", "uas", "sdhci_pci", "sdhci_acpi", "mmc_block"];

/** systemd-boot starts the entry of the highest version that has tries left. */
const loaderEntry = `title piinit ${firstSlot}
sort-key piinit
version 1
linux /${firstSlot}/vmlinuz
initrd /${firstSlot}/initrd.img
options COMMANDLINE
`;

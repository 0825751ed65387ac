import { isRouter, type LabMachine, type LabRouter } from "./contract.ts";
import { routerMacs } from "./facts.ts";
import { fileName } from "./folder.ts";

/** How QEMU runs a guest's instructions. */
export type Accelerator = "kvm" | "tcg";

/** QEMU for guests of the host's own architecture. */
export interface Emulator {
  program: string;
  machine: string;
}

/** The emulator for an architecture by Node's name; undefined if no image is built for it. */
export function emulatorFor(arch: string): Emulator | undefined {
  if (arch === "x64") return { program: "qemu-system-x86_64", machine: "q35" };
  if (arch === "arm64") return { program: "qemu-system-aarch64", machine: "virt" };
  return undefined;
}

// By default, QEMU caches up to a GiB of translated code per machine.
const translatedMiB = 192;

export function acceleration(accelerator: Accelerator): string[] {
  return accelerator === "kvm"
    ? ["-accel", "kvm", "-cpu", "host"]
    : ["-accel", `tcg,thread=multi,tb-size=${translatedMiB}`, "-cpu", "max"];
}

/** QEMU's ids of the devices that change while it runs. */
export const device = { card: "card", cable: "cable", cablePort: "cable-port", outside: "wan", hub: 0 } as const;

/** QEMU's arguments for a machine; it runs in the lab's folder, so all names are short and without commas. */
export function machineArguments(
  spec: LabMachine | LabRouter,
  host: { machine: string; accelerator: Accelerator; commandLine: string },
): string[] {
  const { name } = spec;
  const file = (kind: Parameters<typeof fileName>[1]) => fileName(name, kind);
  return [
    ...["-name", name, "-pidfile", file("pid")],
    ...["-no-user-config", "-nodefaults", "-display", "none"],
    ...["-machine", host.machine, ...acceleration(host.accelerator)],
    ...["-smp", String(spec.cpus), "-m", String(spec.memoryMiB)],
    ...["-kernel", file("kernel"), "-initrd", file("initrd"), "-append", host.commandLine],
    ...["-qmp", `unix:${file("monitor")},server=on,wait=off`],
    ...["-chardev", consoleDevice(file("serial"), file("console")), "-serial", "chardev:console"],
    ...["-device", "virtio-rng-pci"],
    ...disk("root", file("root"), "qcow2"),
    ...disk("data", file("data"), "raw"),
    ...networkCards(spec),
  ];
}

function consoleDevice(socket: string, log: string): string {
  return `socket,id=console,path=${socket},server=on,wait=off,logfile=${log},logappend=on`;
}

function disk(id: string, file: string, format: string): string[] {
  const drive = `if=none,id=${id},file=${file},format=${format},discard=unmap`;
  return ["-drive", drive, "-device", `virtio-blk-pci,drive=${id}`];
}

/**
 * A machine's network card has one cable, plugged in by the router; the router's card is on a hub for any number of
 * them.
 */
function networkCards(spec: LabMachine | LabRouter): string[] {
  const cable = `stream,id=${device.cable},server=on,addr.type=unix,addr.path=${fileName(spec.name, "cable")}`;
  if (!isRouter(spec)) return ["-netdev", cable, "-device", card(device.card, device.cable, macOf(spec))];
  const outside = `user,id=${device.outside},restrict=on,net=10.0.2.0/24`;
  return [
    ...["-netdev", `hubport,id=hub,hubid=${device.hub}`, "-device", card(device.card, "hub", macOf(spec))],
    // Without a cable on the hub the card could not send, and the guest would consider it broken.
    ...["-netdev", cable, "-netdev", `hubport,id=${device.cablePort},hubid=${device.hub},netdev=${device.cable}`],
    ...["-netdev", outside, "-device", card("wan-card", device.outside, routerMacs.wan)],
  ];
}

function macOf(spec: LabMachine | LabRouter): string {
  return isRouter(spec) ? routerMacs.lan : spec.mac;
}

/** Without the network boot ROM (romfile), which would only take time. */
function card(id: string, netdev: string, mac: string): string {
  return `virtio-net-pci,id=${id},netdev=${netdev},mac=${mac},romfile=`;
}

import { readFile } from "node:fs/promises";
import { type Architecture, hostArchitecture } from "../../../lib/architecture.ts";
import { findStatic, hostPath, requirePackages } from "../../../lib/host.ts";
import { emulationPackages } from "../../../toolchain/packages.ts";
import type { NativeScripts } from "./native.ts";

/** How the kernel recognizes an architecture's programs (the first 20 bytes of an ELF file), and which QEMU runs them. */
interface Format {
  qemu: string;
  magic: string;
  mask: string;
}

const arm: Format = {
  qemu: "qemu-arm",
  magic: String.raw`\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00`,
  mask: String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`,
};

const formats: Record<Architecture, Format> = {
  amd64: {
    qemu: "qemu-x86_64",
    magic: String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00`,
    mask: String.raw`\xff\xff\xff\xff\xff\xfe\xfe\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`,
  },
  arm64: {
    qemu: "qemu-aarch64",
    magic: String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`,
    mask: arm.mask,
  },
  armhf: arm,
  armel: arm,
};

/** How to run programs of an architecture other than the host's. */
export interface Emulation {
  /** A command that enables them; undefined if the host runs them already. */
  hook: string | undefined;
  /** Native programs that replace emulated ones, from the tar of a base system; undefined if that isn't possible. */
  native: { tar: string; scripts: NativeScripts } | undefined;
}

/**
 * A shell command that enables emulation of another architecture in the namespace where it is executed; undefined if
 * the host emulates it already. Since Linux 6.7 that needs no root, because each user namespace has its own list of
 * formats. Root builds use the machine's list, where the format stays as long as that list is mounted.
 */
export async function emulationHook(architecture: Architecture): Promise<string | undefined> {
  if (architecture === hostArchitecture() || (await isRegistered(formats[architecture].qemu))) return undefined;
  const { qemu } = formats[architecture];
  await requirePackages(`Building images for ${architecture} on this machine`, emulationPackages);
  const interpreter = await findStatic(qemu, { PATH: hostPath() });
  const list = "/proc/sys/fs/binfmt_misc";
  const register = `printf %s '${registration(qemu, architecture, String(interpreter))}' >${list}/register`;
  // Root's list is the machine's own: it may be mounted already, and another build may be adding to it.
  const mount = `{ mount -t binfmt_misc binfmt_misc ${list} || [ -w ${list}/register ]; }`;
  const isThere = `[ -e ${list}/${qemu} ]`;
  return `${mount} && { ${isThere} || ${register} || ${isThere}; }`;
}

/** The line to register with the kernel. F: it opens the interpreter now, because the system doesn't contain it. */
export function registration(name: string, architecture: Architecture, interpreter: string): string {
  const { magic, mask } = formats[architecture];
  return `:${name}:M:0:${magic}:${mask}:${interpreter}:F`;
}

/** Whether the host already emulates these programs everywhere, as QEMU's packages configure it. */
async function isRegistered(name: string): Promise<boolean> {
  const entry = await readFile(`/proc/sys/fs/binfmt_misc/${name}`, "utf8").catch(() => "");
  return entry.startsWith("enabled") && /^flags:.*F/m.test(entry);
}

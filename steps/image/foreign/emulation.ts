import { readFile } from "node:fs/promises";
import { type Architecture, hostArchitecture } from "../../../lib/architecture.ts";
import { findStatic, hostPath, requirePackages } from "../../../lib/host.ts";
import { emulationPackages } from "../../../toolchain/packages.ts";
import type { NativeScripts } from "./native.ts";

/** How the kernel tells the programs of an architecture (the first 20 bytes of an ELF file), and which QEMU runs them. */
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

/** What it takes to run the programs of another architecture than the host's. */
export interface Emulation {
  /** A command that makes them run at all; undefined where they do. */
  hook: string | undefined;
  /** The host's own programs in their place, from the tar of a base system; undefined where that can't be. */
  native: { tar: string; scripts: NativeScripts } | undefined;
}

/**
 * A shell command that makes the programs of another architecture run in the name space where it is executed, by
 * emulation; undefined where they run already. Since Linux 6.7 that needs no root: the list of formats is the user name
 * space's own. Root builds in the machine's, where the format stays as long as anybody has that list mounted.
 */
export async function emulationHook(architecture: Architecture): Promise<string | undefined> {
  if (architecture === hostArchitecture() || (await isRegistered(formats[architecture].qemu))) return undefined;
  const { qemu } = formats[architecture];
  await requirePackages(`Building images for ${architecture} on this machine`, emulationPackages);
  const interpreter = await findStatic(qemu, { PATH: hostPath() });
  const list = "/proc/sys/fs/binfmt_misc";
  const register = `printf %s '${registration(qemu, architecture, String(interpreter))}' >${list}/register`;
  // Root's list is the machine's own, which may be mounted, and which another build may be adding to at this moment.
  const mount = `{ mount -t binfmt_misc binfmt_misc ${list} || [ -w ${list}/register ]; }`;
  const isThere = `[ -e ${list}/${qemu} ]`;
  return `${mount} && { ${isThere} || ${register} || ${isThere}; }`;
}

/** The line that the kernel takes; F: the interpreter is opened now, for it is not to be found inside of the system. */
export function registration(name: string, architecture: Architecture, interpreter: string): string {
  const { magic, mask } = formats[architecture];
  return `:${name}:M:0:${magic}:${mask}:${interpreter}:F`;
}

/** Whether the host's administrator has the kernel run such programs everywhere, as the packages of QEMU do. */
async function isRegistered(name: string): Promise<boolean> {
  const entry = await readFile(`/proc/sys/fs/binfmt_misc/${name}`, "utf8").catch(() => "");
  return entry.startsWith("enabled") && /^flags:.*F/m.test(entry);
}

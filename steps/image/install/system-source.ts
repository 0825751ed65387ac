import type { Architecture } from "../../../lib/architecture.ts";
import type { Context } from "../../../lib/program.ts";
import type { BootFiles, InstalledSystem } from "../boot/boot-files.ts";
import type { RootLimit } from "../filesystem/room.ts";
import type { Emulation } from "../foreign/emulation.ts";

/** What an image's system is made from: Debian's packages, or an existing image. It makes the first two layers. */
export interface SystemSource {
  /** Everything that determines the content of the base layer. */
  baseInputs: readonly unknown[];
  /** What determines the packages layer's, in addition to the base: how packages are installed. */
  packagesInputs: readonly string[];
  root: RootLimit;
  makeBase(dir: string, context: Context, emulation?: Emulation): Promise<void>;
  /** @param base the folder of the base layer */
  makePackages(base: string, dir: string, context: Context, emulation?: Emulation): Promise<void>;
  /** The files of the FAT partition, from the packages layer. */
  bootFiles(system: InstalledSystem): Promise<BootFiles>;
  /** The same system for the host's architecture, whose programs can replace emulated ones. */
  forHost?(host: Architecture): SystemSource;
}

import type { Drive } from "./drive.ts";
import { Refused } from "./errors.ts";
import { linuxDrives } from "./linux.ts";
import { macDrives } from "./macos.ts";

/** All drives of this computer, those that nothing may be written to as well. */
export async function listDrives(platform: NodeJS.Platform = process.platform): Promise<Drive[]> {
  if (platform === "linux") return linuxDrives();
  if (platform === "darwin") return macDrives();
  throw new Refused(
    `Cards can be burned on Linux and macOS, not on ${platform}. Write the image with Raspberry Pi Imager or Etcher there.`,
  );
}

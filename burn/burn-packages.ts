import type { SystemPackage } from "../lib/host.ts";

/** Programs that decompress images, and unmount and eject cards. */
export const burnPackages: readonly SystemPackage[] = [
  { debian: "xz-utils", programs: ["xz"] },
  { debian: "zstd", programs: ["zstd"] },
  { debian: "mount", programs: ["umount"] },
  { debian: "udisks2", programs: ["udisksctl"] },
  { debian: "eject", programs: ["eject"] },
];

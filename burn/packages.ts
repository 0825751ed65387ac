import type { SystemPackage } from "../lib/host.ts";

/** What images are unpacked with, and what unmounts and ejects a card. */
export const burnPackages: readonly SystemPackage[] = [
  { debian: "xz-utils", programs: ["xz"] },
  { debian: "zstd", programs: ["zstd"] },
  { debian: "mount", programs: ["umount"] },
  { debian: "udisks2", programs: ["udisksctl"] },
  { debian: "eject", programs: ["eject"] },
];

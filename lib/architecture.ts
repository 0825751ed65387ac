/** Debian's names of the boards' architectures: armel means ARMv6 here, armhf ARMv7. */
export const architectures = ["amd64", "arm64", "armhf", "armel"] as const;
export type Architecture = (typeof architectures)[number];

const names: Partial<Record<string, "amd64" | "arm64">> = { x64: "amd64", arm64: "arm64" };

/** This machine's architecture by Debian's and Go's name; undefined where neither builds nor tools run. */
export const hostArchitecture = (): "amd64" | "arm64" | undefined => names[process.arch];

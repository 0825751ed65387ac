/** Debian's names of the architectures that have a board: armel stands for those with ARMv6, armhf for those with ARMv7. */
export const architectures = ["amd64", "arm64", "armhf", "armel"] as const;
export type Architecture = (typeof architectures)[number];

const names: Partial<Record<string, "amd64" | "arm64">> = { x64: "amd64", arm64: "arm64" };

/** This machine's architecture as Debian and Go call it; undefined on one that neither builds images nor runs the tools. */
export const hostArchitecture = (): "amd64" | "arm64" | undefined => names[process.arch];

const names: Partial<Record<string, "amd64" | "arm64">> = { x64: "amd64", arm64: "arm64" };

/** This machine's architecture as Debian and Go call it; undefined on one that neither builds images nor runs the tools. */
export const hostArchitecture = (): "amd64" | "arm64" | undefined => names[process.arch];

import type { Architecture } from "../steps/image/manifest/manifest.ts";

/** The host's architecture in Debian's words. */
export const hostArchitecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

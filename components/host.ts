import { hostArchitecture } from "../lib/architecture.ts";
import type { Architecture } from "../steps/image/manifest/manifest.ts";

/** Of the lab's machines, which are the host's own; a host without one has no lab. */
export const labArchitecture: Architecture = hostArchitecture() ?? "amd64";

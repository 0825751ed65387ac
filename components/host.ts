import { type Architecture, hostArchitecture } from "../lib/architecture.ts";

/** The architecture of the lab's machines, which is the host's own; a host without one has no lab. */
export const labArchitecture: Architecture = hostArchitecture() ?? "amd64";

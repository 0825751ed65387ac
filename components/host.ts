import { type Architecture, hostArchitecture } from "../lib/architecture.ts";

/** Of the lab's machines, which are the host's own; a host without one has no lab. */
export const labArchitecture: Architecture = hostArchitecture() ?? "amd64";

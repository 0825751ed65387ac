import { autopilotOf } from "../../autopilot.ts";

/** The same for an agent's configuration, which counts for a cluster that is new; `up` tells it to one that runs. */
export function autopilot(servers: readonly string[]) {
  const { LastContactThreshold, MinQuorum } = autopilotOf(servers.length);
  return { last_contact_threshold: LastContactThreshold, min_quorum: MinQuorum };
}

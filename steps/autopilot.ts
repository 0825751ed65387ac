/**
 * How Consul's and Nomad's servers treat one of them that is silent, in the words of their API.
 *
 * By default they take it for ill when the leader has heard nothing of it for 0.2 s; a busy small machine is silent for longer, and
 * gets no vote back after a restart for as long as that happens. By default, too, it loses its vote after ten seconds: when the power
 * comes back later, two of three machines are a quorum only if they happen to be those that still have votes.
 * @param servers how many the settings have; what is beyond them and off is forgotten
 */
export const autopilotOf = (servers: number) => ({ LastContactThreshold: "2s", MinQuorum: servers });

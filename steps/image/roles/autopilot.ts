/**
 * When Consul's and Nomad's servers take one of them for ill: by default, if the leader has heard nothing of it for 0.2 s. A busy
 * small machine is silent for longer, and gets no vote back after a restart for as long as that happens.
 */
export const autopilot = { last_contact_threshold: "2s" };

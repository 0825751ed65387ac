/** A machine as the gate sees it. */
export interface ExpectedMachine {
  name: string;
  ip: string;
  mac: string;
  image: string;
  /** Base URLs, without a trailing slash, of the machine's own agents. */
  consulUrl: string;
  nomadUrl: string;
  consulServer: boolean;
  /** Undefined where the machine runs no Nomad. */
  nomad?: "server" | "client" | "both" | undefined;
}

/** What the gate reads. */
export interface Expectation {
  datacenter: string;
  machines: ExpectedMachine[];
  /** How long the cluster may take, seconds. */
  deadlineSeconds: number;
  /** What to do with a machine that does not answer, with NAME and IMAGE in place of its own. */
  remedy: string;
  /** Digest of what depends on the gate: a change makes the gate look again. */
  guards: string;
}

/** What the gate answers: the agents that the providers talk to. */
export interface ReadyCluster {
  consulUrl: string;
  /** Missing where no machine runs a Nomad server. */
  nomadUrl?: string;
}

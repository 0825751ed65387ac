import type { Expectation, ExpectedMachine } from "./contract.ts";
import { judgeMachine, type MachineFinding } from "./judge-machine.ts";
import type { Observation } from "./observe.ts";
import { type Agents, chooseAgents, isHopeless, judgeLeaders, summarise } from "./quorum.ts";

/** What is still missing, and what to do about it. */
export interface Finding extends MachineFinding {
  /** Undefined when it concerns the cluster as a whole. */
  machine?: ExpectedMachine;
}

export interface Judgement {
  /** Set if Consul and Nomad have a quorum, whichever machines are missing. */
  quorum?: Agents;
  /** In the machines' order, at most one for each machine, then the cluster's. */
  findings: Finding[];
  /** No quorum, and waiting won't bring one. */
  isHopeless: boolean;
  /** "Consul 2 of 3 servers, leader pi1; Nomad no leader" */
  summary: string;
}

/** Compares one look with what the stack expects. `last`: the agents to prefer. */
export function judge(expectation: Expectation, seen: Observation, last?: Agents): Judgement {
  const { machines } = expectation;
  const verdicts = machines.map((machine, index) =>
    judgeMachine(expectation, seen, machine, seen.machines[index] ?? {}),
  );
  const faults = verdicts.map(({ consul, server, client }) => consul ?? server ?? client);
  const quorum = chooseAgents(expectation, verdicts, seen, last);
  return {
    ...(quorum && { quorum }),
    findings: [
      ...machines.flatMap((machine, index) => {
        const fault = faults[index];
        return fault ? [{ machine, ...fault }] : [];
      }),
      ...judgeLeaders(expectation, seen),
    ],
    isHopeless: !quorum && isHopeless(expectation, verdicts),
    summary: summarise(expectation, seen),
  };
}

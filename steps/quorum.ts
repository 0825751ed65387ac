import { type AgentName, majorityOf } from "./agents.ts";

/** A server as autopilot sees it; its address is "IP:PORT". */
export interface Server {
  Name: string;
  Address: string;
  Healthy: boolean;
  Voter: boolean;
}

/** What a cluster would lack without the server at that address; nothing if there is no server at that address. */
export function shortage(servers: readonly Server[], ip: string, agent: AgentName): string | undefined {
  const voters = servers.filter(({ Voter }) => Voter);
  const others = voters.filter((server) => !isAt(server, ip));
  if (others.length === voters.length) return undefined;
  const healthy = others.filter(({ Healthy }) => Healthy);
  // One or two servers lose their quorum with any of them, so there is none to keep.
  const needed = Math.min(others.length, majorityOf(voters.length));
  if (healthy.length >= needed) return undefined;
  const ill = others.filter(({ Healthy }) => !Healthy).map(({ Name }) => Name);
  return `${agent} has ${healthy.length} healthy servers of the ${needed} it needs (not: ${ill.join(", ")})`;
}

export const isAt = ({ Address }: Pick<Server, "Address">, ip: string): boolean => Address.startsWith(`${ip}:`);

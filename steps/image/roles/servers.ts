import type { RoleOptions } from "./catalogue.ts";
import { isNomadServer } from "./nomad.ts";

interface Stack<Machine> {
  images: Record<string, { roles: RoleOptions }>;
  machines: Machine[];
}

/** The machines that run an agent's server. */
export function serversOf<Machine extends { image: string }>(
  { images, machines }: Stack<Machine>,
  agent: "consul" | "nomad",
): Machine[] {
  return machines.filter(({ image }) => {
    const roles = images[image]?.roles;
    return agent === "consul" ? roles?.consul === "server" : isNomadServer(roles?.nomad?.role);
  });
}

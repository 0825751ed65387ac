import { subjectOf } from "../../../steps/security/agent-names.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";
import type { Authority, Certified } from "../../../steps/security/contract.ts";

export const home = { domain: "home.arpa", cidr: "192.168.2.0/24", generation: 1 };

export const serverImage = subjectOf(
  { name: "server", consul: "server", nomad: "both", addresses: ["192.168.2.51", "192.168.2.52"] },
  "home",
);
export const clientImage = subjectOf(
  { name: "monitor", consul: "client", nomad: "client", addresses: ["192.168.2.54"] },
  "home",
);

/** The certificates of a stack with two images. */
export interface Stack {
  authority: Authority;
  server: Certified;
  client: Certified;
}

export async function makeStack(): Promise<Stack> {
  const authority = await authorityFor(home);
  const [server, client] = await Promise.all([
    certify({ authority, ...serverImage }),
    certify({ authority, ...clientImage }),
  ]);
  return { authority, server, client };
}

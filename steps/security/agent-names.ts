import type { Subject } from "./contract.ts";

/** An image whose machines share a certificate. */
export interface CertifiedImage {
  name: string;
  consul: "server" | "client";
  /** Undefined if it runs no Nomad. */
  nomad?: "server" | "client" | "both" | undefined;
  /** Of the image's machines. */
  addresses: readonly string[];
}

/**
 * Whom an image's certificate is for. Who has a `server.` name can become a server of that agent and see all that it
 * keeps, and who has one of Nomad's is given jobs with their secrets. So there are no more than the image's own agents need.
 */
export function subjectOf({ name, consul, nomad, addresses }: CertifiedImage, datacenter: string): Subject {
  return {
    // Nomad takes it for one more name, so it must not be a name of an agent: an image's has no dot.
    commonName: name,
    names: [`${consul}.${datacenter}.consul`, ...nomadNames(nomad), "localhost"],
    // Sorted, so that another order of the machines is no other certificate.
    addresses: [...new Set(["127.0.0.1", ...addresses])].sort(),
  };
}

/** One is enough: a server's name is good for what clients do, too. */
function nomadNames(nomad: CertifiedImage["nomad"]): string[] {
  if (nomad === undefined) return [];
  return [`${nomad === "client" ? "client" : "server"}.global.nomad`];
}

import type { Access } from "../agents.ts";
import { tokensOf } from "./tokens.ts";

/** What opens the agents of a stack with that authority and secret. */
export function accessOf({ certificate, secret }: { certificate: string; secret: string }): Access {
  const { consul, nomad } = tokensOf(secret, []);
  return {
    ca: certificate,
    consul: consul.management.secret,
    nomad: nomad.management.secret,
    recovery: consul.recovery.secret,
  };
}

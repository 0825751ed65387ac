import { hkdfSync } from "node:crypto";

/** A token of Consul or Nomad; both parts are UUIDs. */
export interface Token {
  /** Names the token, and lets nobody in. */
  accessor: string;
  secret: string;
}

export interface Tokens {
  consul: {
    management: Token;
    /** Good at the agent itself, even when there is no leader; only its secret is used. */
    recovery: Token;
    /** One for each image, by its name: what a stolen card can do ends with its own image's machines. */
    machine: Record<string, Token>;
    dns: Token;
    nomadServer: Token;
    nomadClient: Token;
    prometheus: Token;
  };
  nomad: { management: Token };
  /** Only its secret is used, as a password. */
  prometheusPage: Token;
}

/** Of the secret that a stack's tokens come from. */
export const secretBytes = 32;

/**
 * All tokens of a stack, derived from its one secret, so that images hold them before there is a cluster, and a further
 * kind of token needs nothing more in the state. The labels must stay as they are: another one is another token.
 * @throws Error if the secret isn't 32 bytes in base64
 */
export function tokensOf(secret: string, images: readonly string[]): Tokens {
  const master = Buffer.from(secret, "base64");
  // Tokens of an empty secret could be derived by everybody.
  if (master.length !== secretBytes)
    throw new Error(`the stack's secret has ${master.length} bytes and must have ${secretBytes}, in base64`);
  const token = (label: string): Token => ({
    accessor: uuid(master, `${label} accessor`),
    secret: uuid(master, `${label} secret`),
  });
  return {
    consul: {
      management: token("consul management"),
      recovery: token("consul recovery"),
      machine: Object.fromEntries(images.map((image) => [image, token(`consul machine ${image}`)])),
      dns: token("consul dns"),
      nomadServer: token("consul nomad-server"),
      nomadClient: token("consul nomad-client"),
      prometheus: token("consul prometheus"),
    },
    nomad: { management: token("nomad management") },
    prometheusPage: token("prometheus page"),
  };
}

/** A UUID of version 8 (RFC 9562), which is for bits of one's own making. */
function uuid(master: Buffer, label: string): string {
  const bytes = Buffer.from(hkdfSync("sha256", master, "piinit", label, 16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

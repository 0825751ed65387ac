import { z } from "zod";
import { defineContract } from "../contract.ts";

/** Base64 of 32 bytes: all of the stack's tokens come from it. */
const secret = z.base64();

/** Lower-case, because certificates are compared with names that we write ourselves; datacenters may have underscores. */
const hostName = z
  .string()
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, "must be a lower-case host name such as server.home.consul");

const certified = z.object({
  /** PEM, with a newline at its end. */
  certificate: z.string(),
  /** PKCS #8 as PEM: a secret. */
  key: z.string(),
});

const authorityRequest = z.object({
  /** The home's domain, such as home.arpa. */
  domain: hostName,
  /** The home's network. */
  cidr: z.cidrv4(),
  /** Another number makes another authority. */
  generation: z.int(),
});

const authority = certified.extend({
  secret,
  /** The request's. */
  generation: z.int(),
});

const certificateRequest = z.object({
  authority: certified,
  /** For people to read: at most 64 characters. */
  commonName: z.string().regex(/^[\w .-]{1,64}$/, "must be 1 to 64 letters, digits, spaces and ._- only"),
  names: z.array(hostName).min(1),
  /** IPv4. */
  addresses: z.array(z.ipv4()),
});

/** A stack's certificates. All answers hold private keys. */
export const securityStep = defineContract({
  program: "security",
  verbs: {
    authority: { input: authorityRequest, answer: authority, seesLastAnswer: true, answersSecretly: true },
    certificate: { input: certificateRequest, answer: certified, answersSecretly: true },
    signer: { input: z.object({}), answer: certified, seesLastAnswer: true, answersSecretly: true },
  },
});

/** A certificate with its key. */
export type Certified = z.output<typeof certified>;

export type AuthorityRequest = z.output<typeof authorityRequest>;

/** What signs all certificates of a stack, and the secret that its tokens come from. */
export type Authority = z.output<typeof authority>;

export type CertificateRequest = z.output<typeof certificateRequest>;

/** Whom a certificate is for. */
export type Subject = Omit<CertificateRequest, "authority">;

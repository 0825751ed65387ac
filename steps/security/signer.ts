// The library below needs it, and doesn't import it.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Certified } from "./contract.ts";
import { newKeys, pemOf, signature, validFor } from "./keys.ts";

/** Every card trusts it for as long as it isn't written anew. */
const years = 100;

/**
 * What signs a stack's updates. It vouches for itself, because a certificate of the stack's authority would make a signer of
 * every machine, each of which has one. Without an extended key usage: RAUC refuses those that it doesn't expect.
 */
export async function makeSigner(): Promise<Certified> {
  const keys = await newKeys();
  const keyId = await SubjectKeyIdentifierExtension.create(keys.publicKey);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`piinit updates ${keyId.keyId.slice(0, 12)}`] }],
    keys,
    signingAlgorithm: signature,
    ...validFor(years),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      keyId,
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: pemOf(keys.privateKey) };
}

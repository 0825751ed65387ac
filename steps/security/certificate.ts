// The library below needs it, and doesn't import it.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { checkPermitted } from "./authority.ts";
import type { CertificateRequest, Certified } from "./contract.ts";
import { newKeys, pemOf, signature, signingKeyOf, validFor } from "./keys.ts";

/** Longer than a card lives: all machines of an image have the same certificate, and would drop out in the same second. */
const years = 20;

/**
 * A certificate for both sides of a connection, with a new key.
 * @throws UserError if the authority doesn't permit a name or an address
 */
export async function certify({ authority, ...subject }: CertificateRequest): Promise<Certified> {
  const issuer = new X509Certificate(authority.certificate);
  checkPermitted(issuer, subject);
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [subject.commonName] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await signingKeyOf(authority.key),
    signingAlgorithm: signature,
    ...validFor(years),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      new SubjectAlternativeNameExtension([
        ...subject.names.map((value) => ({ type: "dns" as const, value })),
        ...subject.addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: pemOf(keys.privateKey) };
}

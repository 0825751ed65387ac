// The library below needs it, and doesn't import it.
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from "@peculiar/asn1-x509";
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { UserError } from "../../lib/errors.ts";
import { isIn, networkOf } from "../../lib/network.ts";
import type { Authority, AuthorityRequest, Certified, Subject } from "./contract.ts";
import { newKeys, pemOf, signature, validFor } from "./keys.ts";
import { secretBytes } from "./tokens.ts";

const years = 30;

const ownDomains = ["consul", "nomad", "localhost"];
const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"];

/** The last answer as long as the generation is the same, whatever else has changed: a new authority changes every machine. */
export async function authorityFor(request: AuthorityRequest, last?: Authority): Promise<Authority> {
  const { generation } = request;
  if (last?.generation === generation) return last;
  const secret = randomBytes(secretBytes).toString("base64");
  return { ...(await makeAuthority(request)), secret, generation };
}

async function makeAuthority({ domain, cidr }: Pick<AuthorityRequest, "domain" | "cidr">): Promise<Certified> {
  const keys = await newKeys();
  const keyId = await SubjectKeyIdentifierExtension.create(keys.publicKey);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // A name of its own, so that clients call another stack's authority unknown, and not its signatures wrong.
    name: [{ CN: [`piinit ${keyId.keyId.slice(0, 12)}`] }],
    keys,
    signingAlgorithm: signature,
    ...validFor(years),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      keyId,
      constraints([...ownDomains, domain], [...privateNetworks, networkText(cidr)]),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: pemOf(keys.privateKey) };
}

/** All that the authority can sign for, so that a browser may trust it without risk. */
function constraints(domains: readonly string[], networks: readonly string[]): Extension {
  const names = [
    ...[...new Set(domains)].map((dNSName) => new GeneralName({ dNSName })),
    ...[...new Set(networks)].map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  const permittedSubtrees = new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })));
  return new Extension(id_ce_nameConstraints, true, AsnConvert.serialize(new NameConstraints({ permittedSubtrees })));
}

/** As certificates have it: without the bits of a host. */
function networkText(cidr: string): string {
  const { network, prefix } = networkOf(cidr);
  return `${network}/${prefix}`;
}

/**
 * Refuses what clients would refuse only when a machine has the certificate.
 * @throws UserError if the authority doesn't permit one of the subject's names or addresses
 */
export function checkPermitted(authority: X509Certificate, { names, addresses }: Subject): void {
  const extension = authority.getExtension(id_ce_nameConstraints);
  const { permittedSubtrees = [] } = extension ? AsnConvert.parse(extension.value, NameConstraints) : {};
  const domains = permittedSubtrees.flatMap(({ base }) => base.dNSName ?? []);
  const networks = permittedSubtrees.flatMap(({ base }) => base.iPAddress ?? []);
  const refused = [
    ...names.filter((name) => !domains.some((domain) => `.${name}`.endsWith(`.${domain}`))),
    ...addresses.filter((address) => !networks.some((network) => isIn(network, address))),
  ];
  if (refused.length === 0) return;
  throw new UserError(
    [
      `The stack's certificate authority can't vouch for ${refused.join(", ")}: it was made for another domain or network.`,
      `A name must be in ${domains.join(", ")}; an address must be in ${networks.join(", ")}.`,
      "Raise the authority's generation, which makes another one.",
    ].join("\n"),
  );
}

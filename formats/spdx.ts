import type { InstalledPackage } from "./dpkg-status.ts";

/** What an image holds, as far as the document tells. */
interface Described {
  name: string;
  architecture: string;
  sha256: string;
  packages: readonly InstalledPackage[];
  programs: readonly { name: string; version: string; sha256: string }[];
  /** What it was made from; with `image`, an existing image. */
  base: object;
}

/**
 * An SPDX 2.3 document in JSON: the packages and programs of an image, for tools that look for known faults.
 * @param created seconds since 1970
 */
export function spdxDocument(contents: Described, created: number): object {
  const packages = [
    ...contents.packages.map((item) => ({
      ...described(`Package-${item.name}-${item.architecture}`, item.name, item.version),
      externalRefs: [purl(debianPurl(item, contents))],
    })),
    ...contents.programs.map(({ name, version, sha256 }) => ({
      ...described(`Program-${name}`, name, version),
      checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
      externalRefs: [purl(`pkg:golang/github.com/hashicorp/${name}@v${version}`)],
    })),
  ];
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: contents.name,
    documentNamespace: `https://spdx.org/spdxdocs/piinit-${contents.name}-${contents.sha256}`,
    creationInfo: { created: new Date(created * 1000).toISOString().replace(".000", ""), creators: ["Tool: piinit"] },
    packages,
    relationships: packages.map(({ SPDXID }) => ({
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: SPDXID,
    })),
  };
}

/** Identifiers may have letters, digits, dots and hyphens only; names of packages have no capitals. */
const described = (id: string, name: string, versionInfo: string) => ({
  SPDXID: `SPDXRef-${id.replaceAll("+", "Plus").replaceAll("_", "Underscore")}`,
  name,
  versionInfo,
  downloadLocation: "NOASSERTION",
  filesAnalyzed: false,
});

const purl = (locator: string) => ({
  referenceCategory: "PACKAGE-MANAGER",
  referenceType: "purl",
  referenceLocator: locator,
});

const debianPurl = ({ name, version, architecture }: InstalledPackage, contents: Described) =>
  `pkg:deb/${vendorOf(version, contents)}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;

/** Raspberry Pi OS with 32 bits has no package as Debian built it; with 64 bits it has marked those that it changed. */
function vendorOf(version: string, { base, architecture }: Described): string {
  return "image" in base && (architecture === "armhf" || /\+rp[it]\d/.test(version)) ? "raspbian" : "debian";
}

import type { InstalledPackage } from "./installed.ts";
import type { Contents } from "./output.ts";
import { imageTime } from "./recipe.ts";

type Described = Pick<Contents, "name" | "architecture" | "sha256" | "packages" | "programs" | "base">;

/** An SPDX 2.3 document in JSON: the packages and programs of an image, for tools that look for known faults. */
export function spdxDocument(contents: Described): object {
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
    // Not the time of the build, which would be the only difference between two builds of the same image.
    creationInfo: { created: new Date(imageTime * 1000).toISOString().replace(".000", ""), creators: ["Tool: piinit"] },
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

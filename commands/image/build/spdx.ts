import type { Contents } from "./output.ts";
import { imageTime } from "./recipe.ts";

/** An SPDX 2.3 document in JSON: the packages and programs of an image, for tools that look for known faults. */
export function spdxDocument(contents: Pick<Contents, "name" | "sha256" | "packages" | "programs" | "base">): object {
  const packages = [
    ...contents.packages.map(({ name, version, architecture }) => ({
      ...described(`Package-${name}`, name, version),
      externalRefs: [
        purl(`pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`),
      ],
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

/** Identifiers may have letters, digits, dots and hyphens only. */
const described = (id: string, name: string, versionInfo: string) => ({
  SPDXID: `SPDXRef-${id.replaceAll("+", ".plus.").replaceAll("_", "-")}`,
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

/** One installed Debian package. */
export interface InstalledPackage {
  name: string;
  version: string;
  architecture: string;
}

/** The installed packages of /var/lib/dpkg/status, sorted by name. */
export function parseDpkgStatus(status: string): InstalledPackage[] {
  return status
    .split(/\n\n+/)
    .filter((paragraph) => /^Status: .* installed$/m.test(paragraph))
    .map((paragraph) => ({
      name: field(paragraph, "Package"),
      version: field(paragraph, "Version"),
      architecture: field(paragraph, "Architecture"),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function field(paragraph: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1] ?? "";
}

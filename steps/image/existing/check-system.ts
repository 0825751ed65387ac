import { type InstalledPackage, parseDpkgStatus } from "../../../formats/dpkg-status.ts";
import type { Architecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";

const oldest = 12;

/** Raspberry Pi OS calls all its 32-bit systems armhf, though they run on the first boards too. */
const systemArchitecture = (board: Architecture): Architecture => (board === "armel" ? "armhf" : board);

/**
 * The packages of a system that can be a base for that board.
 * @throws UserError for a system that is no Debian, too old, or for other processors
 */
export function checkSystem(osRelease: string, dpkgStatus: string, board: Architecture): InstalledPackage[] {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const packages = parseDpkgStatus(dpkgStatus);
  const dpkg = packages.find(({ name }) => name === "dpkg");
  const title = field("PRETTY_NAME") || "something unknown";
  if (!dpkg) throw new UserError(`The base image holds ${title}, which is no Debian: it has no packages of dpkg.`);
  if (Number.parseInt(field("VERSION_ID"), 10) < oldest) {
    throw new UserError(`The base image holds ${title}, but Debian ${oldest} (bookworm) or later is needed.`);
  }
  const wanted = systemArchitecture(board);
  if (dpkg.architecture !== wanted) {
    throw new UserError(
      `The base image holds ${title} for ${dpkg.architecture}, but the board needs one for ${wanted}.`,
    );
  }
  return packages;
}

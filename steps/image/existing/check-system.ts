import { type InstalledPackage, parseDpkgStatus } from "../../../formats/dpkg-status.ts";
import type { Architecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";

const oldest = 12;

/** Raspberry Pi OS calls all its 32-bit systems armhf, although they run on the first boards, too. */
const systemArchitecture = (board: Architecture): Architecture => (board === "armel" ? "armhf" : board);

/**
 * The packages of a system, which must be a suitable base for the board.
 * @throws UserError if it isn't Debian, is too old, or is for another architecture
 */
export function checkSystem(osRelease: string, dpkgStatus: string, board: Architecture): InstalledPackage[] {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const packages = parseDpkgStatus(dpkgStatus);
  const dpkg = packages.find(({ name }) => name === "dpkg");
  const title = field("PRETTY_NAME") || "something unknown";
  if (!dpkg) throw new UserError(`The base image holds ${title}, which is not Debian: it has no dpkg packages.`);
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

import path from "node:path";
import { type DebianRoot, debianRoot } from "../../debian-root.ts";

export type Generation = 2 | 3;

/** Debian 13 has Kea 2.6; as a backport it has Kea 3.0, with the hook library `host_cmds` and an HTTP socket of its own. */
const suites: Readonly<Record<Generation, string>> = { 2: "trixie", 3: "trixie-backports" };

/** Backports are next to the suite on mmdebstrap's mirror, whichever that is. */
const addBackports = `cd "$1/etc/apt" && sed -n 's/ trixie / trixie-backports /p' sources.list >sources.list.d/backports.list`;

/** A Kea, with programs that can talk to its socket. */
export const keaRoot = (generation: Generation): Promise<DebianRoot> =>
  debianRoot(
    `kea-${generation}`,
    ["kea-dhcp4-server", "kea-common", "kea-ctrl-agent", "socat", "netcat-openbsd"],
    [
      `--aptopt=APT::Default-Release "${suites[generation]}"`,
      ...(generation === 3 ? [`--setup-hook=${addBackports}`] : []),
    ],
  );

/** Where its hook libraries are. */
export const hooksOf = ({ libraries }: DebianRoot): string => path.join(libraries, "kea", "hooks");

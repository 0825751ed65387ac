import { cardLayout } from "../roles/card.ts";
import type { Board } from "./board.ts";

/**
 * The board when an existing image is the base, which brings kernel, firmware and how they start. The root file system
 * takes its whole slot, because what is in the base is not known here.
 */
export function onImage(board: Board): Board {
  return {
    ...board,
    packages: [],
    backports: [],
    components: [],
    boot: { modules: [], commandLine: "cgroup_enable=memory fsck.repair=yes net.ifnames=0", files: [] },
    disk: { ...board.disk, rootMiB: cardLayout(board.disk).slotMiB },
  };
}

import { type Board, commonWords } from "./board.ts";

/**
 * The board when an existing image is the base, which brings kernels for all boards, firmware and how they start: its
 * FAT partition is that much larger.
 */
export function onImage(board: Board): Board {
  return {
    ...board,
    packages: [],
    backports: [],
    components: [],
    boot: { modules: [], commandLine: `cgroup_enable=memory ${commonWords}`, files: [] },
    disk: { ...board.disk, bootMiB: 512 },
  };
}

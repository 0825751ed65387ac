import { type Board, commonWords } from "./board.ts";

/**
 * The board with an existing image as base. The image has firmware and kernels for all boards, so its FAT partition is
 * larger.
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

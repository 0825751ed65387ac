import { type Board, commonWords } from "./board.ts";

/**
 * The board with an existing image as base. The image has firmware and kernels for all boards, so its FAT partition is
 * larger, and they are its own affair: there is one slot.
 */
export function onImage(board: Board): Board {
  const { slots: _, ...disk } = board.disk;
  return {
    ...board,
    packages: [],
    backports: [],
    components: [],
    boot: { modules: [], commandLine: `cgroup_enable=memory ${commonWords}`, files: [] },
    disk: { ...disk, bootMiB: 512, rootMiB: 3072 },
  };
}

import { z } from "zod";
import { type Board, isRaspberryPi } from "../boards/board.ts";

/** Set by the board or the builder; another value would not start, or start another disk. */
const ownWords = /^(init|panic|root|rootfstype|piinit\.[^=]*)(=|$)/;
const ownLines = /^(arm_64bit|cmdline|initramfs|kernel|os_prefix|ramfsfile|upstream_kernel)\b/;
/** Overlays are files of Raspberry Pi's own kernel, and parameters are in its device trees; Debian has neither. */
const overlayLines = /^(dtoverlay|dtparam|device_tree_param)\b/;

const isOurs = "must be left out: piinit sets it itself";

export const bootSettings = z
  .strictObject({
    kernel: z
      .array(
        z
          .string()
          .regex(/^[!-~]+$/, "must be one word without spaces, such as usb-storage.quirks=152d:0578:u")
          .refine((word) => !ownWords.test(word), isOurs),
      )
      .default([])
      .meta({
        description: "Words for the kernel's command line, beside those of the board.",
        example: ["usb-storage.quirks=152d:0578:u"],
      }),
    config: z
      .array(
        z
          .string()
          .regex(/^[!-~]([ -~]{0,96}[!-~])?$/, "must be a line of at most 98 characters, such as gpu_mem=16")
          .refine((line) => !ownLines.test(line), isOurs),
      )
      .default([])
      .meta({
        description: "Lines for a Raspberry Pi's `config.txt`, behind those of the board.",
        example: ["gpu_mem=16"],
      }),
  })
  .prefault({});

export type BootSettings = z.output<typeof bootSettings>;

/** Lines for config.txt that would have no effect on that board, by their index. */
export function refusedLines(
  config: string[],
  name: string,
  board: Board,
  isOnImage: boolean,
): { index: number; reason: string }[] {
  return config.flatMap((line, index) => {
    if (!isRaspberryPi(board))
      return [{ index, reason: `must be left out: ${name} has no firmware that reads it, a Raspberry Pi has` }];
    if (isOnImage || !overlayLines.test(line)) return [];
    return [
      {
        index,
        reason: "must be left out, or the image's base be Raspberry Pi OS: Debian's kernel has no overlays",
      },
    ];
  });
}

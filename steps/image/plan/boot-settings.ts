import { z } from "zod";
import { type Board, isRaspberryPi } from "../boards/board.ts";

/** Set by the board or the builder: with another value the machine wouldn't start, or from another disk. */
const ownWords = /^(init|panic|root|rootfstype|piinit\.[^=]*)(=|$)/;
const ownLines = /^(arm_64bit|cmdline|initramfs|kernel|os_prefix|ramfsfile|upstream_kernel)\b/;
/** Overlays and device tree parameters come with Raspberry Pi's own kernel; Debian's has neither. */
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

/** The lines for config.txt that would have no effect on the board. */
export function refusedLines(
  config: string[],
  name: string,
  board: Board,
  isOnImage: boolean,
): { index: number; reason: string }[] {
  return config.flatMap((line, index) => {
    if (!isRaspberryPi(board))
      return [{ index, reason: `must be left out on ${name}: only a Raspberry Pi's firmware reads config.txt` }];
    if (isOnImage || !overlayLines.test(line)) return [];
    return [
      {
        index,
        reason:
          "must be left out: Debian's kernel has no overlays. If you need them, use Raspberry Pi OS as the image's base",
      },
    ];
  });
}

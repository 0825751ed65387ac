import type { Architecture } from "../../../lib/architecture.ts";
import { isRaspberryPi } from "../boards/board.ts";
import { boardOf } from "../boards/catalogue.ts";
import { rolesOf } from "../roles/catalogue.ts";
import { refusedLines } from "./boot-settings.ts";
import type { ImagePlan } from "./plan.ts";

/** What can't be in an image, where it stands in the image's settings, and why. */
export interface Refusal {
  path: PropertyKey[];
  reason: string;
  /** What stands there, where it is a word or a line. */
  value?: string;
}

/** The settings of an image that don't go together, or don't go where its machines are. */
export function refusalsOf(image: ImagePlan, { isLab, host }: { isLab: boolean; host: Architecture }): Refusal[] {
  const board = boardOf(image.board, host);
  const isOnImage = image.base !== undefined && "image" in image.base;
  const site = { board: image.board, architecture: board.architecture, isLab };
  const refusals: Refusal[] = [];
  const refuse = (path: PropertyKey[], reason: string, value?: string) =>
    refusals.push({ path, reason, ...(value !== undefined && { value }) });

  if (isLab && !board.isVirtual) refuse(["board"], "must be lab: this stack's machines are virtual", image.board);
  if (!isLab && board.isVirtual)
    refuse(["board"], "must be a real board: only the machines of a lab are virtual", image.board);
  for (const { name, role, options } of rolesOf(image.roles)) {
    const reason = role.refuse?.(options, site);
    if (reason !== undefined) refuse(["roles", name], reason);
  }
  if (image.keepData && !board.disk.grows)
    refuse(["keepData"], "must be left out: the machines of a lab keep their data disks anyway");
  // An existing image has a Raspberry Pi's boot partition, and an initial RAM disk of its own.
  if (isOnImage && !isRaspberryPi(board))
    refuse(["base"], `must be a suite of Debian on ${image.board}: an existing image is for a Raspberry Pi`);
  if (isOnImage && image.readOnlyRoot)
    refuse(["readOnlyRoot"], "must be left out: an existing image starts with an initial RAM disk of its own");
  for (const { index, reason } of refusedLines(image.boot?.config ?? [], image.board, board, isOnImage))
    refuse(["boot", "config", index], reason, image.boot?.config[index]);
  return refusals;
}

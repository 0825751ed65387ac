import type { Architecture } from "../../../lib/architecture.ts";
import { isRaspberryPi } from "../boards/board.ts";
import { boardOf } from "../boards/catalogue.ts";
import { rolesOf } from "../roles/catalogue.ts";
import { refusedLines } from "./boot-settings.ts";
import type { ImagePlan } from "./plan.ts";

/** A setting that an image can't have. */
export interface Refusal {
  path: PropertyKey[];
  reason: string;
  /** Its value, if that is a word or a line. */
  value?: string;
}

/** The settings of an image that contradict each other, or that its machines can't have. */
export function refusalsOf(image: ImagePlan, { isLab, host }: { isLab: boolean; host: Architecture }): Refusal[] {
  const board = boardOf(image.board, host);
  const isOnImage = image.base !== undefined && "image" in image.base;
  const roles = rolesOf(image.roles);
  const site = { board: image.board, architecture: board.architecture, isLab, roles: roles.map(({ name }) => name) };
  const refusals: Refusal[] = [];
  const refuse = (path: PropertyKey[], reason: string, value?: string) =>
    refusals.push({ path, reason, ...(value !== undefined && { value }) });

  if (isLab && !board.isVirtual) refuse(["board"], "must be lab: this stack's machines are virtual", image.board);
  if (!isLab && board.isVirtual)
    refuse(["board"], "must be a real board: only the machines of a lab are virtual", image.board);
  for (const { name, role, options } of roles) {
    const reason = role.refuse?.(options, site);
    if (reason !== undefined) refuse(["roles", name], reason);
  }
  if (image.keepData && !board.disk.grows)
    refuse(["keepData"], "must be left out: the machines of a lab keep their data disks anyway");
  // An existing image has a Raspberry Pi's boot partition, and an initial RAM disk of its own.
  if (isOnImage && !isRaspberryPi(board))
    refuse(
      ["base"],
      `must be a suite of Debian on ${image.board}: only a Raspberry Pi can have an existing image as base`,
    );
  if (isOnImage && image.readOnlyRoot)
    refuse(["readOnlyRoot"], "must be left out: an existing image starts with an initial RAM disk of its own");
  for (const { index, reason } of refusedLines(image.boot?.config ?? [], image.board, board, isOnImage))
    refuse(["boot", "config", index], reason, image.boot?.config[index]);
  return refusals;
}

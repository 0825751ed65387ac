import { boardOf } from "../steps/image/boards/catalogue.ts";
import { labArchitecture } from "./host.ts";
import type { Settings } from "./schema/stack.ts";

/** Whether the machines of an image take another one over the network: they have a second slot, which existing images have not. */
export function takesUpdates(image: Settings["images"][string] | undefined): boolean {
  return (
    image !== undefined && !("image" in image.base) && boardOf(image.board, labArchitecture).disk.slots !== undefined
  );
}

import { UserError } from "../lib/errors.ts";

/** Nothing was written, because it would be wrong to. */
export class Refused extends UserError {
  override name = "Refused";
}

export const notAllowed = (file: string): string =>
  `You may not write to ${file}. For a drive that takes root, or on Linux the group disk.`;

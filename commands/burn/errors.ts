import { UserError } from "../../lib/errors.ts";

/** Nothing was written, because it would be wrong to. */
export class Refused extends UserError {
  override name = "Refused";
}

/** Somebody wanted it to end. */
export class Interrupted extends UserError {
  override name = "Interrupted";
}

export const notAllowed = (file: string): string =>
  `You may not write to ${file}. For a drive that takes root, or on Linux the group disk.`;

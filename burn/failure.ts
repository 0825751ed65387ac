import { open } from "node:fs/promises";
import { UserError } from "../lib/errors.ts";
import { alignment, scratchBuffer } from "./memory.ts";

/** Nothing was written, because the target or the image is unsuitable. */
export class Refused extends UserError {
  override name = "Refused";
}

/** This user may not write there; root may. */
export class NotAllowed extends Refused {
  override name = "NotAllowed";

  constructor(file: string) {
    super(`You may not write to ${file}. Writing to a drive requires root or, on Linux, the group disk.`);
  }
}

/** The error for a target that can't be opened. */
export function openFailure(path: string, { code, message }: NodeJS.ErrnoException): Error {
  if (code === "EACCES" || code === "EPERM") return new NotAllowed(path);
  if (code === "EBUSY") return new Refused(`${path} is in use by another program: close it, or unmount what is on it.`);
  if (code === "EROFS") return new Refused(`${path} is write-protected.`);
  if (isGoneCode(code)) return new Refused(`There is no ${path}, or no card in it.`);
  return new UserError(`${path} can't be opened: ${message}.`);
}

/** The error for a failed write or read. @param doing what failed, after "can't be": "written to" or "read back" */
export async function ioFailure(
  { path, isFile }: { path: string; isFile: boolean },
  doing: string,
  error: NodeJS.ErrnoException,
): Promise<Error> {
  const { code, message } = error;
  // A bug of ours, which has nothing to do with the target.
  if (code === undefined || code.startsWith("ERR_")) return error;
  if (isFile && code === "ENOSPC")
    return new UserError(`The disk of ${path} is full. Free some space there and burn it again.`);
  if (code === "EFBIG")
    return new UserError(`${path} can't grow to the image's size: a limit of this system or shell (ulimit -f).`);
  if (code === "ENOSPC" || code === "EOF") {
    return new UserError(`${path} has less space than it reports: it is broken or counterfeit. Use another one.`);
  }
  if (!isFile && (isGoneCode(code) || (await isGone(path)))) {
    return new UserError(`${path} was removed while it was being written. Insert it and burn it again.`);
  }
  if (code === "EIO")
    return new UserError(`${path} can't be ${doing}: it is broken or loose in its reader. Use another one.`);
  return new UserError(`${path} can't be ${doing}: ${message}.`);
}

/** Node.js has no name for Linux's ENOMEDIUM. */
const isGoneCode = (code: string | undefined): boolean =>
  ["ENOENT", "ENXIO", "ENODEV", "Unknown system error -123"].includes(code ?? "");

async function isGone(path: string): Promise<boolean> {
  try {
    const handle = await open(path, "r");
    await handle.read(scratchBuffer(), 0, alignment, 0).finally(() => handle.close());
    return false;
  } catch (error) {
    return isGoneCode((error as NodeJS.ErrnoException).code);
  }
}

import { withLockOn } from "../../lib/lock.ts";
import type { Context } from "../../lib/program.ts";
import { fileOf } from "./folder.ts";

/** Does the work while no other program works on the same machine; waits for one that does. */
export async function withMachine<T>(dir: string, name: string, context: Context, work: () => Promise<T>): Promise<T> {
  return await withLockOn(fileOf(dir, name, "lock"), `${name}: waiting for another command on it`, context, work);
}

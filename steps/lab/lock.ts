import { withLockOn } from "../../lib/lock.ts";
import type { Context } from "../../lib/program.ts";
import { fileOf } from "./folder.ts";

/** Does the work while holding the machine's lock; waits for another program that holds it. */
export async function withMachine<T>(dir: string, name: string, context: Context, work: () => Promise<T>): Promise<T> {
  return await withLockOn(fileOf(dir, name, "lock"), `${name}: waiting for another command on it`, context, work);
}

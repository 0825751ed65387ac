import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createFileWhole, exists } from "../lib/files.ts";
import type { Environment } from "../lib/host.ts";
import { configDir } from "../lib/paths.ts";

export interface Passphrase {
  /** Undefined where the user's own environment names a passphrase. */
  file?: string;
  isNew: boolean;
}

export interface FoundPassphrase {
  /** Undefined where the user's own environment names a passphrase. */
  file?: string;
  exists: boolean;
}

/** Where the passphrase is or would be; creates none. */
export async function findPassphrase(environment: Environment): Promise<FoundPassphrase> {
  const { PULUMI_CONFIG_PASSPHRASE: own, PULUMI_CONFIG_PASSPHRASE_FILE: ownFile } = environment;
  if (own !== undefined || ownFile !== undefined) return { exists: true };
  const file = configDir("passphrase");
  return { file, exists: await exists(file) };
}

/** The file with the passphrase of the stacks' secrets; made on first use unless the user has a passphrase. */
export async function ensurePassphrase(environment: Environment): Promise<Passphrase> {
  const { file, exists } = await findPassphrase(environment);
  if (file === undefined) return { isNew: false };
  if (exists) return { file, isNew: false };
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  return { file, isNew: await createFileWhole(file, `${randomBytes(32).toString("base64url")}\n`, 0o600) };
}

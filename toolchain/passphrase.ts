import { createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { UserError } from "../lib/errors.ts";
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
  const file = configDir("passphrase");
  // A shell with the variables of `./piinit env` names the same file, which may yet have to be made.
  if (own !== undefined || (ownFile !== undefined && ownFile !== file)) return { exists: true };
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

/**
 * The passphrase that Pulumi uses in this environment.
 * @throws UserError if there is none, or its file can't be read
 */
export async function readPassphrase(environment: Environment): Promise<string> {
  const { PULUMI_CONFIG_PASSPHRASE: own, PULUMI_CONFIG_PASSPHRASE_FILE: ownFile } = environment;
  if (own !== undefined) return own;
  const file = ownFile || configDir("passphrase");
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new UserError(
      `The passphrase of the stack's secrets can't be read: ${(error as Error).message}. Copy ${file} from the computer where the stack was made, or set PULUMI_CONFIG_PASSPHRASE_FILE.`,
    );
  }
}

/**
 * Whether a passphrase is that of a stack's secrets.
 * @param salt the `encryptionsalt` of the stack's file: "v1:SALT:v1:NONCE:CIPHERTEXT", all in base64
 */
export async function isPassphraseOf(salt: string, passphrase: string): Promise<boolean> {
  const [, base = "", , nonce = "", encrypted = ""] = salt.split(":");
  const [keySalt, iv, bytes] = [base, nonce, encrypted].map((text) => Buffer.from(text, "base64"));
  if (!keySalt || !iv || !bytes || bytes.length < tagBytes) return false;
  const key = await promisify(pbkdf2)(passphrase, keySalt, 1_000_000, 32, "sha256");
  const cipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: tagBytes });
  try {
    cipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([cipher.update(bytes.subarray(0, -tagBytes)), cipher.final()]).toString() === "pulumi";
  } catch {
    return false;
  }
}

const tagBytes = 16;

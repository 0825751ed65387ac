import { parse } from "yaml";
import { stackFileText } from "../../components/source.ts";
import { UserError } from "../../lib/errors.ts";
import { isPassphraseOf, readPassphrase } from "../../toolchain/passphrase.ts";

/**
 * The passphrase of a stack's secrets.
 * @throws UserError if it can't be read, is another one, or the stack's secrets are encrypted in another way
 */
export async function stackPassphrase(stack: string): Promise<string> {
  const { secretsprovider, encryptionsalt } = Object(parse(stackFileText(stack))) as Record<string, unknown>;
  const { PULUMI_CONFIG_PASSPHRASE: own, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (secretsprovider !== undefined && secretsprovider !== "passphrase" && own === undefined && !file)
    throw new UserError(
      `Stack ${stack} has its secrets encrypted by ${secretsprovider}, but a snapshot needs a passphrase. Set PULUMI_CONFIG_PASSPHRASE_FILE to a file with one, and keep it.`,
    );
  const passphrase = await readPassphrase(process.env);
  if (typeof encryptionsalt === "string" && !(await isPassphraseOf(encryptionsalt, passphrase)))
    throw wrongPassphrase(stack, file);
  return passphrase;
}

/** What to do where a stack's secrets have another passphrase than the one here, which is in `file` if that is known. */
export function wrongPassphrase(stack: string, file: string | undefined): UserError {
  return new UserError(
    `The passphrase here${file ? ` (${file})` : ""} isn't that of stack ${stack}'s secrets. Copy the file from the computer where they were set, and name it in PULUMI_CONFIG_PASSPHRASE_FILE; if the stack is new here and has no secrets, remove the line encryptionsalt from stacks/Pulumi.${stack}.yaml.`,
  );
}

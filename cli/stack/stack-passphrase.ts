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
    throw new UserError(
      `The passphrase here isn't that of stack ${stack}'s secrets. Set PULUMI_CONFIG_PASSPHRASE_FILE to a file with the right one.`,
    );
  return passphrase;
}

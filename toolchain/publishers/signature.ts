import { UserError } from "../../lib/errors.ts";
import type { PublisherKey } from "./publisher.ts";

/** A publisher's file with its detached signature. */
export interface Signed {
  url: string;
  content: Uint8Array;
  signature: Uint8Array;
}

/** @throws UserError unless the file has a signature of this key, which must not have expired */
export async function checkSignature({ url, content, signature }: Signed, key: PublisherKey): Promise<void> {
  // Takes a while to load, and is seldom needed.
  const { createMessage, readKey, readSignature, verify } = await import("openpgp");
  const verificationKeys = await readKey({ armoredKey: key.armored });
  const end = await verificationKeys.getExpirationTime();
  if (!(end === Number.POSITIVE_INFINITY || (end instanceof Date && end > new Date()))) throw expired(url, key, end);
  try {
    await verify({
      message: await createMessage({ binary: content }),
      signature: await readSignature({ binarySignature: signature }),
      verificationKeys,
      expectSigned: true,
      format: "binary",
    });
  } catch (error) {
    throw new UserError(
      [
        `${url} isn't signed by ${key.owner} (${key.fingerprint}), and nothing of it is used: ${(error as Error).message}`,
        "Is there a sign-in page or a filter between you and the publisher? Open the address in a browser to see. If not, the file was changed on its way: try another network, and tell the publisher.",
      ].join("\n"),
    );
  }
}

function expired(url: string, { owner, fingerprint, published }: PublisherKey, end: unknown): UserError {
  const since = end instanceof Date ? `expired on ${end.toISOString().slice(0, 10)}` : "isn't valid";
  return new UserError(
    [
      `${url} can't be checked: ${owner}'s key ${fingerprint}, as this version of piinit has it, ${since}.`,
      `Is this computer's clock right? Then update piinit, which may have the newer one of ${published}.`,
    ].join("\n"),
  );
}

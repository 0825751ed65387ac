import { createMessage, generateKey, readPrivateKey, sign } from "openpgp";
import { once } from "../../../lib/once.ts";
import type { PublisherKey } from "../../../toolchain/publishers/publisher.ts";

/** Somebody with an OpenPGP key. */
export interface Signer {
  key: PublisherKey;
  /** A detached signature. */
  sign(text: string): Promise<Uint8Array>;
}

/** The publisher of all tests in this process. */
export const testSigner = once(() => makeSigner());

/** @param life how long the key is valid, in seconds; without end if 0 */
export async function makeSigner({ life = 0, from = new Date() } = {}): Promise<Signer> {
  const owner = "Test Publisher";
  const { privateKey, publicKey } = await generateKey({
    userIDs: { name: owner },
    keyExpirationTime: life,
    date: from,
  });
  const signingKeys = await readPrivateKey({ armoredKey: privateKey });
  const fingerprint = signingKeys.getFingerprint().toUpperCase();
  return {
    key: { owner, fingerprint, published: "https://publisher.invalid/key", armored: publicKey },
    sign: async (text) =>
      sign({ message: await createMessage({ text }), signingKeys, detached: true, format: "binary", date: from }),
  };
}

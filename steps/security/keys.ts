import { createPrivateKey, KeyObject, webcrypto } from "node:crypto";

/** Small, quick on a Raspberry Pi, and known to every TLS library and browser. */
const curve = { name: "ECDSA", namedCurve: "P-256" };

export const signature = { name: "ECDSA", hash: "SHA-256" };

export const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);

/** PKCS #8 */
export const pemOf = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();

export const signingKeyOf = (pem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("pkcs8", createPrivateKey(pem).export({ type: "pkcs8", format: "der" }), curve, false, [
    "sign",
  ]);

const firstYear = 2020;

/**
 * From the beginning of 2020, because a board without a clock, in a house without internet, may think that it is years
 * ago, and would refuse a certificate of last week.
 */
export const validFor = (years: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.UTC(firstYear, 0)),
  notAfter: new Date(Date.UTC(firstYear + years, 0)),
});

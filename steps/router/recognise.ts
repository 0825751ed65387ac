import { NoAnswer, send } from "../../lib/http.ts";
import { type SeenCertificate, uncheckedConnection } from "./base/certificate.ts";
import { type Sign, signs } from "./signs.ts";

export interface Recognised {
  /** As the settings name it; there may be no driver for it. */
  kind: string;
  /** Where it answers, such as "https://192.168.2.1". */
  url: string;
  /** SHA-256, of a certificate that no authority vouches for. */
  fingerprint: string | undefined;
}

const patienceMs = 4000;
const mostBytes = 1 << 16;

/**
 * What kind of router answers at that address, or at that URL and nowhere else; undefined if none that piinit knows.
 * Asks harmless questions, without any password and on all ports at once.
 */
export async function recogniseRouter(target: string, signal: AbortSignal): Promise<Recognised | undefined> {
  const probes = signs.flatMap((sign) => placesOf(target, sign).map((url) => probe(url, sign, signal)));
  return (await Promise.all(probes)).find((found) => found !== undefined);
}

function placesOf(target: string, { places = [] }: Sign): string[] {
  if (/^https?:/.test(target)) return [target.replace(/\/+$/, "")];
  const more = places.map((place) => place.split(":").join(`://${target}:`));
  return [`https://${target}`, `http://${target}`, ...more];
}

/** Asks one question at a URL; undefined unless the answer is that kind's. */
export async function probe(url: string, sign: Sign, signal: AbortSignal): Promise<Recognised | undefined> {
  let certificate: SeenCertificate | undefined;
  const see = (seen: SeenCertificate) => {
    certificate = seen;
  };
  const { kind, path, method, body } = sign;
  try {
    const { status, body: answer } = await send({
      who: "the router",
      url: `${url}${path}`,
      method: method ?? "GET",
      timeoutMs: patienceMs,
      signal,
      mostBytes,
      ...(body !== undefined && {
        headers: { "content-type": "application/json" },
        body: Buffer.from(JSON.stringify(body)),
      }),
      ...(url.startsWith("https:") && { connect: (ended: AbortSignal) => uncheckedConnection(url, see, ended) }),
    });
    if (!sign.isIn({ status, text: answer.toString("utf8") })) return undefined;
    return { kind, url, fingerprint: certificate?.isVouchedFor ? undefined : certificate?.fingerprint };
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  }
}

import { createHash, randomBytes } from "node:crypto";
import { UserError } from "../../../../lib/errors.ts";
import { NotLetIn, refusal, type Web, type WebAnswer, type WebRequest, wrongLogin } from "../../base/web.ts";

interface Challenge {
  realm: string;
  nonce: string;
}

interface Server {
  url: string;
  user: string;
  password: string;
}

/**
 * Asks with HTTP's Digest authentication (MD5, `auth`), which sends no password. The first question of a session is
 * asked twice, because the router has to say by what it wants to be answered; a wrong password is not tried again.
 */
export function withDigest(who: string, web: Web, { url, user, password }: Server) {
  let challenge: Challenge | undefined;
  let count = 0;
  const exchange = (request: WebRequest<unknown>) => {
    const { method, path, headers } = request;
    if (!challenge) return web.exchange(request);
    count++;
    const authorization = answerTo(challenge, { user, password, method, path, count });
    return web.exchange({ ...request, headers: { ...headers, authorization } });
  };
  /** Its own refusals are answers, too. */
  return async (request: WebRequest<unknown>): Promise<WebAnswer> => {
    const hadChallenge = challenge !== undefined;
    const first = await exchange(request);
    if (first.status !== 401) return first;
    const fresh = challengeIn(first);
    if (!fresh) throw new UserError(refusal(who, url, first).message);
    if (hadChallenge && !fresh.isStale) throw new NotLetIn(wrongLogin(`${who} at ${url}`));
    challenge = fresh;
    count = 0;
    const second = await exchange(request);
    if (second.status === 401) throw new NotLetIn(wrongLogin(`${who} at ${url}`));
    return second;
  };
}

function challengeIn({ headers }: WebAnswer): (Challenge & { isStale: boolean }) | undefined {
  const text = String(headers["www-authenticate"] ?? "");
  const value = (key: string) => new RegExp(`[ ,]${key}="?([^",]*)"?`, "i").exec(text)?.[1];
  const [realm, nonce, algorithm = "MD5"] = [value("realm"), value("nonce"), value("algorithm")];
  if (!/^digest /i.test(text) || realm === undefined || nonce === undefined) return undefined;
  if (algorithm.toUpperCase() !== "MD5") return undefined;
  return { realm, nonce, isStale: value("stale")?.toLowerCase() === "true" };
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

function answerTo(
  { realm, nonce }: Challenge,
  asked: { user: string; password: string; method: string; path: string; count: number },
): string {
  const { user, password, method, path } = asked;
  const nc = asked.count.toString(16).padStart(8, "0");
  const cnonce = randomBytes(8).toString("hex");
  const identity = md5(`${user}:${realm}:${password}`);
  const response = md5([identity, nonce, nc, cnonce, "auth", md5(`${method}:${path}`)].join(":"));
  const quoted = { username: user.replace(/["\\]/g, "\\$&"), realm, nonce, uri: path, cnonce, response };
  const parts = Object.entries(quoted).map(([key, value]) => `${key}="${value}"`);
  return `Digest ${[...parts, "algorithm=MD5", "qop=auth", `nc=${nc}`].join(", ")}`;
}

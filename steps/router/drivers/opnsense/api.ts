import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { short } from "../../../../lib/http.ts";
import { basicHeaders, NotLetIn, openWeb, Refusal, type WebRequest, type WebServer } from "../../base/web.ts";

/** OPNsense's interface. After an answer that it doesn't accept the key, nothing more is sent. */
export interface Api {
  /** Stopped by ^C. */
  look<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  /** The others are not. */
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  post<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T>;
  /** Like `post` of nothing, for what may take OPNsense a minute. */
  order<T>(path: string, schema: z.ZodType<T>): Promise<T>;
}

export interface Credentials extends WebServer {
  apiKey: string;
  apiSecret: string;
}

/** For an order: a DHCP server is stopped and started within one request. */
const orderMs = 90_000;

/** `privilege` is what the key's user needs, as OPNsense calls it. */
export function openApi(settings: Credentials, privilege: string, signal: AbortSignal): Api {
  const { url, apiKey, apiSecret } = settings;
  const headers = basicHeaders({ user: apiKey, password: apiSecret });
  const looking = openWeb("OPNsense", settings, signal);
  const unstopped = new AbortController().signal;
  const lasting = openWeb("OPNsense", settings, unstopped);
  const ordering = openWeb("OPNsense", settings, unstopped, orderMs);
  let denied: NotLetIn | undefined;
  const ask = async <T>(request: WebRequest<T>, web = lasting): Promise<T> => {
    if (denied) throw denied;
    try {
      return await web.ask({ ...request, headers });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 403) throw new UserError(noRight(url, privilege), { cause: error });
      if (error.status !== 401) throw error;
      denied = new NotLetIn(wrongKey(url), { cause: error });
      throw denied;
    }
  };
  return {
    look: (path, schema) => ask({ method: "GET", path, schema }, looking),
    get: (path, schema) => ask({ method: "GET", path, schema }),
    post: (path, body, schema) => ask({ method: "POST", path, body, schema }),
    order: (path, schema) => ask({ method: "POST", path, body: {}, schema }, ordering),
  };
}

const wrongKey = (url: string) =>
  [
    `OPNsense at ${url} does not accept the API key with its secret. They were tried once. Set the right ones:`,
    "  ./piinit secret network.router.apiKey STACK",
    "  ./piinit secret network.router.apiSecret STACK",
  ].join("\n");

const noRight = (url: string, privilege: string) =>
  `OPNsense at ${url} lets the API key in, but not to its DHCP server: give its user the privilege "${privilege}" (System > Access > Users)`;

/** What it says to a change; a refusal has status 200, too. */
export const outcome = z.object({ result: z.string(), validations: z.record(z.string(), z.unknown()).optional() });

/** `what` was to be changed, for the message. */
export function refuseFailed(
  url: string,
  what: string,
  { result, validations = {} }: z.output<typeof outcome>,
  good: readonly string[],
): void {
  if (good.includes(result)) return;
  const reasons = Object.entries(validations).map(
    ([field, text]) => `  ${short(field)}: ${short([text].flat().join(" "))}`,
  );
  throw new UserError([`OPNsense at ${url} refuses ${what} (${short(result)})`, ...reasons].join("\n"));
}

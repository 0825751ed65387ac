import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { isMarkup, short } from "../../../../lib/http.ts";
import { NotLetIn, openWeb, Refusal, type Web, type WebRequest, type WebServer } from "../../base/web.ts";

/** The interface of pfSense's REST API package. After an answer that it doesn't accept the key, nothing more is sent. */
export interface Api {
  /** Stopped by ^C. */
  look<T>(path: string, data: z.ZodType<T>): Promise<T>;
  /** The others are not. */
  get<T>(path: string, data: z.ZodType<T>): Promise<T>;
  send<T>(method: "POST" | "PATCH" | "DELETE", path: string, body: object | undefined, data: z.ZodType<T>): Promise<T>;
}

/** For a change: pfSense writes its whole configuration within the request. */
const changeMs = 60_000;
const lockedTries = 5;
const lockedMs = 1000;

export function openApi(settings: WebServer & { apiKey: string }, signal: AbortSignal): Api {
  const { url, apiKey } = settings;
  const headers = { "x-api-key": apiKey };
  const looking = openWeb("pfSense", settings, signal);
  const unstopped = new AbortController().signal;
  const lasting = openWeb("pfSense", settings, unstopped);
  const changing = openWeb("pfSense", settings, unstopped, changeMs);
  let denied: NotLetIn | undefined;
  const ask = async <T>(request: WebRequest<unknown>, data: z.ZodType<T>, web: Web): Promise<T> => {
    if (denied) throw denied;
    for (let tries = 1; ; tries++) {
      try {
        return (await web.ask({ ...request, headers, schema: z.object({ data }) })).data;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        // Somebody else is writing its configuration.
        if (error.text.includes("MODEL_WRITE_CONFIG_LOCKED") && tries < lockedTries) {
          await new Promise((resolve) => setTimeout(resolve, lockedMs));
          continue;
        }
        const told = explain(url, error);
        if (error.status !== 401) throw new UserError(told, { cause: error });
        denied = new NotLetIn(told, { cause: error });
        throw denied;
      }
    }
  };
  return {
    look: (path, data) => ask({ method: "GET", path }, data, looking),
    get: (path, data) => ask({ method: "GET", path }, data, lasting),
    send: (method, path, body, data) => ask({ method, path, body }, data, changing),
  };
}

const refusal = z.object({ message: z.string(), response_id: z.string() });

function explain(url: string, { status, text, message }: Refusal): string {
  if (status === 401)
    return `pfSense at ${url} does not accept the API key. It was tried once. Set the right one: ./piinit secret network.router.apiKey STACK`;
  if (status === 404 && isMarkup(text))
    return `pfSense at ${url} has no REST API: install the package of docs/routers/pfsense.md there, and turn it on`;
  const said = refusal.safeParse(readOrNothing(text));
  if (!said.success) return message;
  const why = `${short(said.data.message)} (${short(said.data.response_id)})`;
  return status === 403
    ? `pfSense at ${url} lets the API key in, but its user lacks a privilege that docs/routers/pfsense.md names: ${why}`
    : `pfSense at ${url} says ${status}: ${why}`;
}

function readOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

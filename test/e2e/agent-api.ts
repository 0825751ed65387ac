import { readFile } from "node:fs/promises";
import { send } from "../../lib/http.ts";
import type { Checkout } from "./checkout.ts";

/** As `fetch` answers it. */
export interface ApiAnswer {
  ok: boolean;
  status: number;
  text: string;
}

export type Ask = (url: string, request?: AgentRequest) => Promise<ApiAnswer>;

interface AgentRequest {
  method?: string;
  body?: string;
  timeoutMs?: number;
  /** Instead of the owner's own. */
  token?: string;
}

/** Asks Consul or Nomad as the stack's owner does, with what `./piinit env` says. */
export function asOwner(checkout: () => Checkout): Ask {
  let known: Promise<Record<string, string>> | undefined;
  const env = () => {
    known ??= checkout()
      .json<Record<string, string>>("env")
      .catch((error) => {
        known = undefined;
        throw error;
      });
    return known;
  };
  return async (url, { method = "GET", body, timeoutMs = 30_000, token } = {}) => {
    const { CONSUL_CACERT = "", CONSUL_HTTP_TOKEN = "", NOMAD_TOKEN = "" } = await env();
    const answer = await send({
      who: "the agent",
      url,
      method,
      ca: await readFile(CONSUL_CACERT, "utf8"),
      headers: { "X-Consul-Token": token ?? CONSUL_HTTP_TOKEN, "X-Nomad-Token": token ?? NOMAD_TOKEN },
      body: body === undefined ? undefined : Buffer.from(body),
      timeoutMs,
      mostBytes: 1 << 24,
    });
    const { status } = answer;
    return { ok: status >= 200 && status < 300, status, text: answer.body.toString("utf8") };
  };
}

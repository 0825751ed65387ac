import type { EnvHttpProxyAgent } from "undici";
import { UserError } from "./errors.ts";

/** Sends requests through the proxy that the environment names, as curl and apt do; directly if there is none. */
export async function proxyAgent(): Promise<EnvHttpProxyAgent> {
  for (const scheme of ["http", "https"] as const) {
    const found = setting(scheme);
    // Not shown: the value may contain a password.
    if (found && !/^https?:\/\/[^/]/.test(found.value))
      throw new UserError(`The variable ${found.variable} must be a proxy's address such as http://HOST:PORT`);
  }
  const { EnvHttpProxyAgent } = await import("undici");
  // Proxies commonly refuse tunnels to ports without TLS.
  return new EnvHttpProxyAgent({ proxyTunnel: false });
}

/** For messages about an unreachable address: the proxy that was used, and the variable that names it. */
export function proxyNote(url: string): string {
  const found = (url.startsWith("https:") ? setting("https") : undefined) ?? setting("http");
  return found ? `; ${found.variable} names ${new URL(found.value).host} as the proxy` : "";
}

function setting(scheme: "http" | "https"): { variable: string; value: string } | undefined {
  const lower = `${scheme}_proxy`;
  const variable = process.env[lower] === undefined ? lower.toUpperCase() : lower;
  const value = process.env[variable];
  return value ? { variable, value } : undefined;
}

import type { EnvHttpProxyAgent } from "undici";
import { UserError } from "./errors.ts";

/** Takes requests through the proxy of the environment's variables, as curl and apt do; straight where there is none. */
export async function proxyAgent(): Promise<EnvHttpProxyAgent> {
  for (const scheme of ["http", "https"] as const) {
    const found = setting(scheme);
    // Its value may hold a password.
    if (found && !/^https?:\/\/[^/]/.test(found.value))
      throw new UserError(`The variable ${found.variable} has to name a proxy as http://HOST:PORT does`);
  }
  const { EnvHttpProxyAgent } = await import("undici");
  // Proxies commonly refuse a tunnel to where there is no TLS.
  return new EnvHttpProxyAgent({ proxyTunnel: false });
}

/** What to know of an address that can't be reached: that a proxy is meant to lead to it, and who says so. */
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

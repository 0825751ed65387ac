import { request } from "node:http";
import { request as requestSecurely } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import type { MachineStatus } from "../../steps/lab/lab.ts";

/** For how long nobody in a lab knew a leader, at the longest, in seconds. */
export interface Pauses {
  consul: number;
  nomad: number;
}

/** Asks a lab's machines again and again who leads, as everybody may, until it is stopped. */
export function watchLeaders(machines: readonly MachineStatus[]): () => Promise<Pauses> {
  const stopped = new AbortController();
  const watch = async (agent: keyof Pauses) => {
    const ports = machines.flatMap(({ ports }) => ports?.[agent] ?? []);
    let longest = 0;
    for (let last = performance.now(); !stopped.signal.aborted; await pause(250)) {
      const leaders = await Promise.all(ports.map(leaderAt));
      const now = performance.now();
      longest = Math.max(longest, (now - last) / 1000);
      if (leaders.some(Boolean)) last = now;
    }
    return longest;
  };
  const both = Promise.all([watch("consul"), watch("nomad")]);
  return async () => {
    stopped.abort();
    const [consul, nomad] = await both;
    return { consul, nomad };
  };
}

/** By TLS, or in the clear as agents of images of before did it; whose certificate it is doesn't matter. */
async function leaderAt(port: number): Promise<string> {
  return (await ask("https", port)) || (await ask("http", port));
}

function ask(scheme: "http" | "https", port: number): Promise<string> {
  return new Promise((resolve) => {
    const url = `${scheme}://127.0.0.1:${port}/v1/status/leader?stale`;
    const options = { agent: false, timeout: 2000, rejectUnauthorized: false };
    const sent = scheme === "https" ? requestSecurely(url, options) : request(url, options);
    sent
      .on("response", (response) => {
        let text = "";
        response.on("data", (part) => {
          text += part;
        });
        response.on("close", () => resolve(response.statusCode === 200 ? text.replaceAll('"', "").trim() : ""));
      })
      .on("timeout", () => sent.destroy())
      .on("error", () => resolve(""))
      .end();
  });
}

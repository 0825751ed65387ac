import { z } from "zod";
import { plainText } from "./agents.ts";

/** The name in the certificate of the computer that serves an update; no address has it. */
export const updateServerName = "updates.consul";

/** Keys of Consul: what a machine is to take, and what it says of itself. Both values are lines KEY=VALUE. */
export const wantedKey = (machine: string): string => `piinit/wanted/${machine}`;
export const statusFolder = "piinit/status/";
export const statusKey = (machine: string): string => statusFolder + machine;

/** What a machine is to take. */
export interface Wanted {
  /** Another one for each time that it is tried. */
  attempt: string;
  /** The image's name with its digest. */
  image: string;
  /** Where to get its update; missing for an image that the machine has in its other slot. */
  from?: { address: string; port: number; path: string; bytes: number };
}

export function wantedText({ attempt, image, from = { address: "", port: 0, path: "", bytes: 0 } }: Wanted): string {
  const lines = { attempt, image, ...from };
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

const states = ["running", "downloading", "installing", "draining", "restarting", "trying", "failed"] as const;

const status = z.object({
  /** The image that runs. */
  image: plainText,
  slot: z.enum(["A", "B"]),
  /** The image in the other slot; "" if it is none that could run. */
  other: plainText,
  /** Of the update that `state` is about. */
  attempt: plainText,
  state: z.enum(states),
  text: plainText,
});

export type UpdateStatus = z.output<typeof status>;

/** A machine's status; undefined for a text that is none. */
export function parseStatus(text: string): UpdateStatus | undefined {
  const lines = text.split("\n").flatMap((line) => {
    const at = line.indexOf("=");
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
  const result = status.safeParse(Object.fromEntries(lines));
  return result.success ? result.data : undefined;
}

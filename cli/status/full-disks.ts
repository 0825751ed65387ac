import { z } from "zod";
import { unlessSilent } from "../../lib/http.ts";
import { type AskOptions, askAgent, plainText } from "../../steps/agents.ts";
import type { ExpectedMachine } from "../../steps/cluster/contract.ts";

/** Of Nomad's clients; an agent that is only a server has no such answer. */
const statsAnswer = z.object({
  DiskStats: z.array(z.object({ Mountpoint: plainText, Size: z.number(), Available: z.number() })).nullish(),
});

/** Where the agents keep everything. */
const dataFolder = "/data";
const fullShare = 0.05;
const timeoutMs = 900;
const MiB = 2 ** 20;

/** What is wrong with a machine, and what to do about it. */
export interface FullDisk {
  problem: string;
  action: string;
}

/** Why a machine's agents soon can't write, or can't already; undefined if they can, or Nomad doesn't tell. */
export async function fullDisk(
  { name, nomad, nomadUrl }: ExpectedMachine,
  asker: AskOptions = {},
): Promise<FullDisk | undefined> {
  if (nomad === undefined || nomad === "server") return undefined;
  const stats = await unlessSilent(
    askAgent("Nomad", `${nomadUrl}/v1/client/stats`, statsAnswer, { ...asker, timeoutMs }),
  );
  const disk = stats?.DiskStats?.find(({ Mountpoint }) => Mountpoint === dataFolder);
  if (!disk || disk.Available >= disk.Size * fullShare) return undefined;
  const [free, all] = [disk.Available, disk.Size].map((bytes) => Math.round(bytes / MiB));
  return {
    problem: `its data partition is full: ${free} of ${all} MiB are free`,
    action: `free some space in ${dataFolder} on ${name}`,
  };
}

import { unlessSilent } from "../../lib/http.ts";
import type { AskOptions } from "../../steps/agents.ts";
import { readStatuses } from "../../steps/update/cluster.ts";

/** The image of a machine that takes updates over the network. */
export interface ImageStatus {
  /** Its name with its digest; null if the machine has not said. */
  running: string | null;
  /** What `up` last made for it. */
  newest: string;
}

const timeoutMs = 900;

/** What each machine runs, as Consul knows it. */
export async function runningImages(
  newest: ReadonlyMap<string, string>,
  consulUrl: string | null,
  asker: AskOptions,
): Promise<ReadonlyMap<string, ImageStatus>> {
  const isAsked = newest.size > 0 && consulUrl !== null;
  const statuses = isAsked ? await unlessSilent(readStatuses(consulUrl, { ...asker, timeoutMs })) : undefined;
  return new Map(
    [...newest].map(([name, image]) => [name, { running: statuses?.get(name)?.image ?? null, newest: image }]),
  );
}

/** "newest", or which older one; "" for a machine whose image isn't known. */
export function imageText(image: ImageStatus | null): string {
  if (!image?.running) return "";
  return image.running === image.newest ? "newest" : `older: ${image.running}`;
}

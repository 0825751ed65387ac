import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import type { Context } from "../../lib/program.ts";
import type { AnswerOf } from "../contract.ts";
import { imageId, updateFileOf } from "../image-names.ts";
import type { Wanted } from "../update-messages.ts";
import { Cluster } from "./cluster.ts";
import type { UpdateCluster, updateStep, WantedUpdate } from "./contract.ts";
import { follow } from "./follow.ts";
import { serving } from "./serve.ts";

/**
 * Brings a machine's image to it, unless it runs it: when the others can do without it, it takes the update by itself, and
 * this only serves the bytes and watches. What it leaves half done, the machine finishes or takes back.
 * @throws UserError with the machine's own words if it has kept its old image
 */
export async function updateMachine(
  wanted: WantedUpdate,
  context: Context,
): Promise<AnswerOf<typeof updateStep, "update">> {
  const { name } = wanted;
  const image = imageId(wanted.image);
  const cluster = new Cluster(wanted, context);
  const before = await cluster.status(name);
  if (!before) return { state: "silent" };
  if (before.image === image && before.state !== "trying") return { state: "newest" };
  if (!(await cluster.isThere(name))) {
    context.progress.step(`${name} is off, and will be updated when it is back`);
    return { state: "off" };
  }
  const bundle = updateFileOf(wanted.image);
  if (!existsSync(bundle))
    throw new UserError(`The update ${bundle} is gone. Make it again: remove ${wanted.image} and run ./piinit build`);
  context.progress.step(`${name}: runs ${before.image}, to be ${image}`);
  await serving(bundle, randomBytes(16).toString("hex"), wanted, (from) =>
    takeIt(wanted, { image, from }, cluster, context),
  );
  context.progress.step(`${name}: runs ${image}`);
  return { state: "newest" };
}

/**
 * Has a machine start the image in its other slot again, and returns that.
 * @throws UserError if it has none, or has kept the one that it runs
 */
export async function rollBack(
  machine: Pick<WantedUpdate, "name" | "ip"> & UpdateCluster,
  context: Context,
): Promise<string> {
  const { name } = machine;
  const cluster = new Cluster(machine, context);
  const status = await cluster.status(name);
  if (!status) throw new UserError(`${name} says nothing of its images in Consul, so it can't be rolled back.`);
  if (!status.other)
    throw new UserError(
      `${name} has no other image than ${status.image}: it has had no update since its card was written.`,
    );
  await takeIt(machine, { image: status.other }, cluster, context);
  return status.other;
}

async function takeIt(
  { name, ip }: Pick<WantedUpdate, "name" | "ip">,
  wanted: Omit<Wanted, "attempt">,
  cluster: Cluster,
  context: Context,
): Promise<void> {
  await awaitOthers(name, ip, cluster, context);
  const attempt = randomBytes(8).toString("hex");
  await cluster.want(name, { attempt, ...wanted });
  try {
    await follow({ name, attempt, image: wanted.image, status: () => cluster.status(name) }, context);
  } finally {
    if (!context.signal.aborted) await cluster.unwant(name);
  }
}

const patienceMs = 10 * 60_000;
const pollMs = 2000;

/** Waits until Consul and Nomad can do without the machine. */
async function awaitOthers(name: string, ip: string, cluster: Cluster, { progress, signal }: Context): Promise<void> {
  const end = performance.now() + patienceMs;
  for (let told = ""; ; ) {
    const lack = await cluster.shortageWithout(ip);
    if (lack === undefined) return;
    if (performance.now() > end)
      throw new UserError(
        `${name} was not updated, because without it ${lack}. See ./piinit status and mend the others.`,
      );
    if (lack !== told) progress.step(`${name}: waits, because without it ${lack}`);
    told = lack;
    await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

import path from "node:path";
import { z } from "zod";
import { NoAnswer } from "../../lib/http.ts";
import { stackDir } from "../../lib/paths.ts";
import { askAgent, plainText } from "../../steps/agents.ts";
import { readStackFile } from "../stack/stack-file.ts";

/** A machine that an image is for. */
export interface CardMachine {
  name: string;
  mac: string;
  ip: string;
  /** It runs already. */
  answers: boolean;
}

/** What comes after a card. */
export interface NextStep {
  stack: string;
  machines: CardMachine[];
}

const answerMs = 2000;

/**
 * The machines that an image was built for, told by the place where a stack's images are; undefined for any other image
 * and for the virtual machines of a lab. The stack's file tells enough, so that it works for root too.
 */
export async function machinesFor(image: string): Promise<NextStep | undefined> {
  const place = placeOf(image);
  if (!place) return undefined;
  const config = await readStackFile(place.stack);
  const listed = config["piinit:machines"];
  if (!Array.isArray(listed) || config["piinit:lab"] !== undefined) return undefined;
  const ours = listed.filter((machine) => machine?.image === place.image);
  const machines = ours.map(async ({ name, mac, ip }: CardMachine) => ({ name, mac, ip, answers: await answers(ip) }));
  return { stack: place.stack, machines: await Promise.all(machines) };
}

/** "…/.piinit/home/images/server-0123456789abcdef.img" and its compressed forms. */
function placeOf(image: string): { stack: string; image: string } | undefined {
  const folder = path.dirname(image);
  const stack = path.basename(path.dirname(folder));
  const name = /^(.+)-[0-9a-f]{16}\.img(\.xz|\.zst)?$/.exec(path.basename(image))?.[1];
  return name !== undefined && folder === stackDir(stack, "images") ? { stack, image: name } : undefined;
}

/** Every image has Consul on it. */
const answers = (ip: string): Promise<boolean> =>
  askAgent("Consul", `http://${ip}:8500/v1/agent/self`, z.object({ Config: z.object({ NodeName: plainText }) }), {
    timeoutMs: answerMs,
  }).then(
    () => true,
    (error: unknown) => !(error instanceof NoAnswer),
  );

/** What to do with the cards, for a person. */
export function describeNext({ stack, machines }: NextStep): string {
  const waiting = machines.filter(({ answers }) => !answers);
  const running = machines.filter(({ answers }) => answers).map(({ name }) => name);
  const up = `./piinit up ${stack}`;
  if (waiting.length === 0)
    return `All machines of this image answer already. A new card replaces one of theirs; then: ${up}`;
  return [
    "Next: put the card into one of the machines that wait for one, and switch it on:",
    ...waiting.map(({ name, mac, ip }) => `  ${name}  ${mac}  ${ip}`),
    ...(running.length > 0 ? [`(${running.join(", ")} answer${running.length === 1 ? "s" : ""} already.)`] : []),
    `When all have theirs: ${up}`,
  ].join("\n");
}

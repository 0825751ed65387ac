import path from "node:path";
import { z } from "zod";
import { NoAnswer } from "../../lib/http.ts";
import { stackDir } from "../../lib/paths.ts";
import { askAgent, plainText } from "../../steps/agents.ts";
import { readStackFile } from "../stack/stack-file.ts";

/** A machine that uses an image. */
export interface CardMachine {
  name: string;
  mac: string;
  ip: string;
  /** Whether it already runs. */
  answers: boolean;
}

/** What to do after burning a card. */
export interface NextStep {
  stack: string;
  machines: CardMachine[];
}

const answerMs = 2000;

/**
 * The machines that an image was built for, if it lies among a stack's images; undefined for any other image and for a
 * lab. It reads only the stack's file, so it works for root too.
 */
export async function machinesFor(image: string): Promise<NextStep | undefined> {
  const origin = originOf(image);
  if (!origin) return undefined;
  const config = await readStackFile(origin.stack);
  const listed = config["piinit:machines"];
  if (!Array.isArray(listed) || config["piinit:lab"] !== undefined) return undefined;
  const ours = listed.filter((machine) => machine?.image === origin.image);
  const machines = ours.map(async ({ name, mac, ip }: CardMachine) => ({ name, mac, ip, answers: await answers(ip) }));
  return { stack: origin.stack, machines: await Promise.all(machines) };
}

/** "…/.piinit/home/images/server-0123456789abcdef.img" and its compressed forms. */
function originOf(image: string): { stack: string; image: string } | undefined {
  const folder = path.dirname(image);
  const stack = path.basename(path.dirname(folder));
  const name = /^(.+)-[0-9a-f]{16}\.img(\.xz|\.zst)?$/.exec(path.basename(image))?.[1];
  return name !== undefined && folder === stackDir(stack, "images") ? { stack, image: name } : undefined;
}

/** Every image runs Consul, which shows its certificate to everybody. */
const answers = (ip: string): Promise<boolean> =>
  askAgent("Consul", `https://${ip}:8501/v1/agent/self`, z.object({ Config: z.object({ NodeName: plainText }) }), {
    timeoutMs: answerMs,
  }).then(
    () => true,
    (error: unknown) => !(error instanceof NoAnswer) || error.isDistrusted,
  );

/** The next steps, for people. */
export function describeNext({ stack, machines }: NextStep): string {
  const waiting = machines.filter(({ answers }) => !answers);
  const running = machines.filter(({ answers }) => answers).map(({ name }) => name);
  const up = `./piinit up ${stack}`;
  if (waiting.length === 0)
    return `All machines of this image already answer. Put the card into the one to update, then run ${up}`;
  return [
    "Next: put the card into one of these machines, which don't answer yet, and power it on:",
    ...waiting.map(({ name, mac, ip }) => `  ${name}  ${mac}  ${ip}`),
    ...(running.length > 0 ? [`(${running.join(", ")} already answer${running.length === 1 ? "s" : ""}.)`] : []),
    `When all have their cards, run ${up}`,
  ].join("\n");
}

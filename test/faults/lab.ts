import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { StackStatus } from "../../cli/status/stack-status.ts";
import { labStatus } from "../../steps/lab/lab.ts";
import { cutPower } from "../../steps/lab/machine-processes.ts";
import { type Ask, asOwner } from "../e2e/agent-api.ts";
import { type Checkout, makeCheckout } from "../e2e/checkout.ts";
import { isWhole } from "../e2e/lab-home.ts";
import type { Urls } from "./traffic.ts";

/** The lab of stacks/Pulumi.lab.yaml, whose heartbeat beats each minute. */
export interface Lab {
  checkout: Checkout;
  /** Asks an agent as the stack's owner does. */
  owner: Ask;
  /** Of a machine that runs, as of the last `look`. */
  urlsOf(name: string): Urls | undefined;
  /** Looks where the machines' agents are. */
  look(): Promise<void>;
  /** Asks one machine after the other, for a minute, until one answers. */
  ask<Answer>(question: (urls: Urls) => Promise<Answer>): Promise<Answer>;
  /** Cuts the power of these at the same moment; those that don't run have none. */
  kill(...names: string[]): Promise<void>;
  status(): Promise<StackStatus>;
  /** What is still wrong after ten minutes; nothing as soon as all is well. */
  whyNotWhole(): Promise<string | undefined>;
  close(): Promise<void>;
}

const patienceMs = 10 * 60_000;

export async function makeLab(): Promise<Lab> {
  const checkout = await makeCheckout();
  checkout.edit("lab", (text) => text.replace("*/15 * * * *", "* * * * *"));
  const dir = path.join(checkout.dir, ".piinit/lab/lab");
  const urls = new Map<string, Urls>();
  const status = () => checkout.json<StackStatus>("status");
  return {
    checkout,
    owner: asOwner(() => checkout),
    urlsOf: (name) => urls.get(name),
    status,
    async look() {
      for (const { name, ports } of await labStatus(dir)) {
        const { consul, nomad } = ports ?? {};
        if (consul && nomad)
          urls.set(name, { consul: `https://127.0.0.1:${consul}`, nomad: `https://127.0.0.1:${nomad}` });
      }
    },
    async ask(question) {
      for (let turn = 0; ; turn++) {
        const [one] = [...urls.values()].slice(turn % urls.size);
        try {
          if (!one) throw new Error("no machine has ports yet");
          return await question(one);
        } catch (error) {
          if (turn >= 20) throw error;
          await pause(3000);
        }
      }
    },
    async kill(...names) {
      const running = await labStatus(dir);
      await cutPower(running.flatMap(({ name, pid }) => (pid && names.includes(name) ? [pid] : [])));
    },
    async whyNotWhole() {
      const end = performance.now() + patienceMs;
      for (;;) {
        const now = await status();
        if (now.state === "healthy" && isWhole(now)) return undefined;
        if (performance.now() > end) return `not whole after ten minutes: ${JSON.stringify(now)}`;
        await pause(3000);
      }
    },
    async close() {
      await checkout.piinit("destroy");
      checkout.remove();
    },
  };
}

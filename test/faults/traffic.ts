import { setTimeout as pause } from "node:timers/promises";
import type { Ask } from "../e2e/agent-api.ts";

/** Where a machine's agents answer. */
export interface Urls {
  consul: string;
  nomad: string;
}

/** Writes to each machine's agents without a pause, whatever happens to them. */
export interface Traffic {
  /** How many writes were acknowledged. */
  count(): number;
  /** Keys that were acknowledged and aren't in Consul, or have another value; a Nomad variable that is older than acknowledged. */
  lost(urls: Urls): Promise<string[]>;
  /** The longest time without an acknowledged write since then (of performance.now()), seconds. */
  longestGap(agent: keyof Urls, since: number): number;
  stop(): Promise<void>;
}

const folder = "faults";
const restMs = 400;
const patienceMs = 5000;
const readMs = 60_000;

/** @param urlsOf by machine, as they are now: a machine may get other ports when it is started again. */
export function startTraffic(names: readonly string[], urlsOf: (name: string) => Urls | undefined, ask: Ask): Traffic {
  let isStopped = false;
  const keys = new Map<string, string>();
  const variables = new Map<string, number>();
  const times: Record<keyof Urls, number[]> = { consul: [], nomad: [] };

  const writeKey = async (name: string, number: number, url: string) => {
    const key = `${folder}/${name}/${number}`;
    const value = `${name} ${number}`;
    if ((await put(ask, `${url}/v1/kv/${key}`, value)).trim() === "true") keys.set(key, value);
    else throw new Error("not written");
  };
  const writeVariable = async (name: string, number: number, url: string) => {
    const path = `${folder}/${name}`;
    await put(ask, `${url}/v1/var/${path}`, JSON.stringify({ Path: path, Items: { number: String(number) } }));
    variables.set(path, number);
  };
  const loop = async (name: string, agent: keyof Urls, write: typeof writeKey) => {
    for (let number = 0; !isStopped; number++) {
      const url = urlsOf(name)?.[agent];
      if (url) {
        await write(name, number, url).then(
          () => times[agent].push(performance.now()),
          () => undefined,
        );
      }
      await pause(restMs);
    }
  };
  const loops = names.flatMap((name) => [loop(name, "consul", writeKey), loop(name, "nomad", writeVariable)]);
  return {
    count: () => keys.size,
    async lost({ consul, nomad }) {
      const acknowledged = [...keys];
      const numbers = [...variables];
      const there = await readKeys(ask, consul);
      const lostKeys = acknowledged.filter(([key, value]) => there.get(key) !== value).map(([key]) => `${key} is lost`);
      const older = await Promise.all(
        numbers.map(async ([path, number]) => {
          const now = await readVariable(ask, nomad, path);
          return now >= number ? [] : [`the variable ${path} is ${now}, after ${number} was acknowledged`];
        }),
      );
      return [...lostKeys, ...older.flat()];
    },
    longestGap: (agent, since) => longestGap(times[agent], since, performance.now()) / 1000,
    async stop() {
      isStopped = true;
      await Promise.all(loops);
    },
  };
}

/** The longest time between two of these, the last one before `since` and `until` included; in their unit. */
export function longestGap(times: readonly number[], since: number, until: number): number {
  const before = times.findLast((time) => time <= since) ?? since;
  const during = [before, ...times.filter((time) => time > since), until];
  return Math.max(...during.slice(1).map((time, index) => time - (during[index] ?? time)));
}

async function put(ask: Ask, url: string, body: string): Promise<string> {
  const { ok, status, text } = await ask(url, { method: "PUT", body, timeoutMs: patienceMs });
  if (!ok) throw new Error(`${status}`);
  return text;
}

async function readKeys(ask: Ask, url: string): Promise<Map<string, string>> {
  const { ok, status, text } = await ask(`${url}/v1/kv/${folder}/?recurse&consistent`, { timeoutMs: readMs });
  if (!ok) throw new Error(`Consul's keys can't be read: ${status} ${text}`);
  const keys = JSON.parse(text) as { Key: string; Value: string | null }[];
  return new Map(keys.map(({ Key, Value }) => [Key, Buffer.from(Value ?? "", "base64").toString()]));
}

async function readVariable(ask: Ask, url: string, path: string): Promise<number> {
  const { ok, status, text } = await ask(`${url}/v1/var/${path}`, { timeoutMs: readMs });
  if (!ok) throw new Error(`Nomad's variable ${path} can't be read: ${status}`);
  const { Items } = JSON.parse(text) as { Items: { number: string } };
  return Number(Items.number);
}

import { z } from "zod";
import { askBytes, NoAnswer, putBytes } from "../../lib/http.ts";
import type { Context } from "../../lib/program.ts";
import { type Access, type AskOptions, askAgent, credentials, healthAnswer, plainText } from "../agents.ts";
import { shortage } from "../quorum.ts";
import { Servers } from "../servers.ts";
import {
  parseStatus,
  statusFolder,
  statusKey,
  type UpdateStatus,
  type Wanted,
  wantedKey,
  wantedText,
} from "../update-messages.ts";
import type { UpdateCluster } from "./contract.ts";

// A cluster of one server is silent while that restarts.
const times = { poll: 1000, silence: 10 * 60_000 };
const timeoutMs = 5000;
const mostBytes = 64 * 1024;

/** The cluster of the machines that are updated: their keys, and what it could do without. */
export class Cluster {
  readonly #access: Access;
  readonly #context: Context;
  readonly #consul: Servers;
  readonly #nomad: Servers | undefined;

  constructor({ consul, nomad, access }: UpdateCluster, context: Context) {
    this.#access = access;
    this.#context = context;
    this.#consul = new Servers("Consul", consul, times);
    this.#nomad = nomad.length > 0 ? new Servers("Nomad", nomad, times) : undefined;
  }

  /** What a machine last said; undefined if it never did. */
  status(machine: string): Promise<UpdateStatus | undefined> {
    return this.#inConsul((url) => readStatus(url, machine, this.#asker()));
  }

  /** Whether Consul hears of a machine. */
  isThere(machine: string): Promise<boolean> {
    return this.#inConsul(async (url) => {
      const checks = await askAgent("Consul", `${url}/v1/health/node/${machine}`, checksAnswer, this.#asker());
      return checks.some(({ CheckID, Status }) => CheckID === "serfHealth" && Status === "passing");
    });
  }

  want(machine: string, wanted: Wanted): Promise<void> {
    return this.#inConsul((url) => this.#put(url, wantedKey(machine), wantedText(wanted)));
  }

  /** The machine has taken it, or failed to. */
  unwant(machine: string): Promise<void> {
    return this.#inConsul(async (url) => {
      const gone = `${url}/v1/kv/${wantedKey(machine)}`;
      const asker = credentials("Consul", gone, this.#asker());
      await askBytes({ who: "Consul", url: gone, method: "DELETE", timeoutMs, mostBytes, ...asker });
    });
  }

  /** What Consul or Nomad would lack without the machine at that address; undefined if they can do without it. */
  async shortageWithout(ip: string): Promise<string | undefined> {
    const consul = await this.#inConsul((url) => this.#shortage("Consul", url, ip));
    if (consul !== undefined || !this.#nomad) return consul;
    const { progress, signal } = this.#context;
    return this.#nomad.ask((url) => this.#shortage("Nomad", url, ip), progress, signal);
  }

  async #shortage(agent: "Consul" | "Nomad", url: string, ip: string): Promise<string | undefined> {
    const { Servers } = await askAgent(agent, `${url}/v1/operator/autopilot/health`, healthAnswer, this.#asker());
    return shortage(Servers ?? [], ip, agent);
  }

  async #put(url: string, key: string, text: string): Promise<void> {
    const place = `${url}/v1/kv/${key}`;
    const asker = credentials("Consul", place, this.#asker());
    await putBytes({ who: "Consul", url: place, body: Buffer.from(text), timeoutMs, ...asker });
  }

  #asker(): AskOptions {
    return { access: this.#access, signal: this.#context.signal };
  }

  #inConsul<T>(question: (url: string) => Promise<T>): Promise<T> {
    return this.#consul.ask(question, this.#context.progress, this.#context.signal);
  }
}

const checksAnswer = z.array(z.object({ CheckID: plainText, Status: plainText }));

async function readStatus(consulUrl: string, machine: string, asker: AskOptions): Promise<UpdateStatus | undefined> {
  const url = `${consulUrl}/v1/kv/${statusKey(machine)}?raw`;
  try {
    const text = await askBytes({ who: "Consul", url, timeoutMs, mostBytes, ...credentials("Consul", url, asker) });
    return parseStatus(text.toString("utf8"));
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 404) return undefined;
    throw error;
  }
}

const entries = z.array(z.object({ Key: z.string(), Value: z.base64().nullable() }));

/** What all machines last said, by their names. Fails with a NoAnswer. */
export async function readStatuses(consulUrl: string, asker: AskOptions): Promise<Map<string, UpdateStatus>> {
  try {
    const found = await askAgent("Consul", `${consulUrl}/v1/kv/${statusFolder}?recurse`, entries, asker);
    const statuses = found.flatMap(({ Key, Value }) => {
      const status = parseStatus(Buffer.from(Value ?? "", "base64").toString("utf8"));
      return status ? [[Key.slice(statusFolder.length), status] as const] : [];
    });
    return new Map(statuses);
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 404) return new Map();
    throw error;
  }
}

import { ask, HttpFailure, isObject, readJson } from "./http.ts";
import {
  type Checked,
  type Context,
  type Fault,
  messageOf,
  PartialFailure,
  type Resource,
  refuseOthers,
} from "./provider.ts";
import {
  canonical,
  changedProperties,
  containsUnknown,
  type Properties,
  reveal,
  unknown,
  type Value,
  withSecrecyOf,
} from "./values.ts";

const subject = "consul.Keys";
const keyInputs = ["path", "value", "default", "flags", "delete", "name"];

/** A key with all defaults filled in, without secret marks. */
interface Key {
  path: string;
  value: string;
  default: string;
  flags: number;
  /** Whether the key is deleted with the resource or with this entry. */
  delete: boolean;
  /** The key's name in the output `var`; empty for none. */
  name: string;
}

/** In a state of the official plugin, outputs always have these; inputs may. */
const keyDefaults = { value: "", default: "", flags: 0, delete: false, name: "" };

/** A key with a name and no value is only read; one with neither is written with an empty value. */
const isWritten = ({ name, value }: Key) => name === "" || value !== "";

/** `consul:index/keys:Keys`: single keys of Consul's store; all others stay untouched. */
export const consulKeys: Resource = {
  check,

  /** Compares with the outputs, as the official plugin does: they have what was found or should have been written. */
  async diff({ inputs, outputs }, news) {
    const stored = { ...inputs, ...("keys" in outputs && { keys: outputs.keys ?? null }) };
    const changed = changedProperties(comparable(stored), comparable(news));
    return { changed, replaced: changed.filter((name) => name === "datacenter") };
  },

  async create(_name, inputs, context) {
    // The official plugin's only id; keys are found by their paths.
    const id = "consul";
    if (context.preview) return { id, outputs: previewOutputs(inputs) };
    const store = new Store(context, await findDatacenter(inputs, context));
    await store.putAll(keysOf(inputs));
    return { id, outputs: await store.outputs(inputs) };
  },

  async update({ id, outputs }, news, context) {
    if (context.preview) return previewOutputs(news);
    const store = new Store(context, await findDatacenter({ ...outputs, ...news }, context));
    const { added, removed } = changes(keysOf(outputs), keysOf(news));
    try {
      await store.putAll(added);
      await store.deleteAll(removed);
      return await store.outputs(news);
    } catch (error) {
      // As in the official plugin, the state then has the new values, although they may not be written.
      throw new PartialFailure(id, store.expected(news), messageOf(error));
    }
  },

  async read({ id, inputs, outputs }, context) {
    const store = new Store(context, await findDatacenter(outputs, context));
    const now = await store.outputs({ ...inputs, keys: outputs.keys ?? [] });
    return { id, inputs: { ...inputs, keys: withoutDefaults(now.keys ?? []) }, outputs: now };
  },

  async delete({ outputs }, context) {
    const store = new Store(context, await findDatacenter(outputs, context));
    await store.deleteAll(keysOf(outputs).filter((key) => key.delete));
  },
};

function check(inputs: Properties): Checked {
  const faults = refuseOthers(subject, inputs, ["keys", "datacenter"]);
  const keys = reveal(inputs.keys ?? []);
  if (!Array.isArray(keys)) return { inputs, faults };
  faults.push(...keys.flatMap((key, index) => checkKey(key, `keys[${index}]`)));
  return { inputs, faults };
}

function checkKey(key: Value, property: string): Fault[] {
  if (key === unknown) return [];
  const inputs = key as Properties;
  const faults = refuseOthers(`${subject}.keys`, inputs, keyInputs);
  if (typeof inputs.path !== "string") faults.push({ property, reason: "needs `path`, a string" });
  if (inputs.value != null && typeof inputs.value !== "string")
    faults.push({ property, reason: "`value` must be a string" });
  return faults;
}

/** Keys are a set, so their order doesn't matter. */
function comparable(inputs: Properties): Properties {
  const keys = reveal(inputs.keys ?? []);
  if (!Array.isArray(keys)) return inputs;
  return { ...inputs, keys: keys.map((key) => (key === unknown ? key : canonical(withDefaults(key)))).sort() };
}

function withDefaults(key: Value): Record<string, Value> {
  return { ...keyDefaults, ...(key as Record<string, Value>) };
}

/** Keys as inputs are stored, without defaults. */
function withoutDefaults(keys: Value): Value {
  const isDefault = ([name, value]: [string, Value]) => keyDefaults[name as keyof typeof keyDefaults] === value;
  const given = (reveal(keys) as Properties[]).map((key) =>
    Object.fromEntries(Object.entries(key).filter((entry) => !isDefault(entry))),
  );
  return withSecrecyOf(keys, given);
}

function keysOf(properties: Properties): Key[] {
  return (reveal(properties.keys ?? []) as Value[]).map((key) => withDefaults(key) as unknown as Key);
}

/** The keys to write and to remove, so that keys that stay never disappear and other keys are untouched. */
export function changes(olds: Key[], news: Key[]): { added: Key[]; removed: Key[] } {
  const textOf = (key: Key) => canonical(key as unknown as Value);
  const oldTexts = new Set(olds.map(textOf));
  const newTexts = new Set(news.map(textOf));
  const added = news.filter((key) => !oldTexts.has(textOf(key)));
  const written = new Set(added.filter(isWritten).map((key) => key.path));
  const removed = olds.filter((key) => key.delete && !newTexts.has(textOf(key)) && !written.has(key.path));
  return { added, removed };
}

function previewOutputs(inputs: Properties): Properties {
  const named = keysArray(inputs).some((key) => containsUnknown(key) || "name" in (key as Properties));
  return { ...inputs, datacenter: inputs.datacenter ?? unknown, var: named ? unknown : {} };
}

function keysArray(inputs: Properties): Value[] {
  const keys = reveal(inputs.keys ?? []);
  return Array.isArray(keys) ? keys : [unknown];
}

const isSelf = isObject<{ Config: { Datacenter: string } }>(({ Config }) => typeof Config?.Datacenter === "string");

interface Entry {
  Value: string | null;
  Flags: number;
}

const isEntry = isObject<Entry>(({ Value, Flags }) => Value !== undefined && typeof Flags === "number");
const isEntries = (value: unknown): value is Entry[] => Array.isArray(value) && value.every(isEntry);

async function findDatacenter(properties: Properties, { settings, signal }: Context): Promise<string> {
  const given = properties.datacenter ?? settings.datacenter;
  if (given) return String(reveal(given));
  const answer = await ask(baseUrl(settings), "/v1/agent/self", { ...credentials(settings), signal });
  return readJson(answer, isSelf).Config.Datacenter;
}

/** The address is a URL or "HOST:PORT", to which `scheme` applies. */
export function baseUrl({ address = "", scheme = "http" }: Record<string, string>): string {
  return address.includes("://") ? address : `${scheme}://${address}`;
}

function credentials({ token, caPem }: Record<string, string>) {
  return { headers: { "X-Consul-Token": token }, ca: caPem };
}

/** The key store of one datacenter. */
class Store {
  readonly #context: Context;
  readonly #datacenter: string;

  constructor(context: Context, datacenter: string) {
    this.#context = context;
    this.#datacenter = datacenter;
  }

  #ask(method: "GET" | "PUT" | "DELETE", path: string, query: Record<string, string> = {}, body?: string) {
    const { settings, signal } = this.#context;
    const url = `/v1/kv/${path.split("/").map(encodeURIComponent).join("/")}`;
    const request = { ...credentials(settings), method, body, signal, query: { dc: this.#datacenter, ...query } };
    return ask(baseUrl(settings), url, request);
  }

  async putAll(keys: Key[]): Promise<void> {
    for (const { path, value, flags } of keys.filter(isWritten)) {
      const put = this.#ask("PUT", path, { flags: String(flags) }, value);
      await put.catch((error: unknown) => {
        throw new Error(`failed to write Consul key '${path}': ${messageOf(error)}`, { cause: error });
      });
    }
  }

  async deleteAll(keys: Key[]): Promise<void> {
    for (const { path } of keys) await this.#ask("DELETE", path);
  }

  /** The value and flags of a key; undefined if it doesn't exist. */
  async #get(path: string): Promise<{ value: string; flags: number } | undefined> {
    try {
      const [entry] = readJson(await this.#ask("GET", path), isEntries);
      return entry && { value: Buffer.from(entry.Value ?? "", "base64").toString(), flags: entry.Flags };
    } catch (error) {
      if (error instanceof HttpFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  /** The resource's outputs: its inputs with the store's current values. */
  async outputs(inputs: Properties): Promise<Properties> {
    const keys: Key[] = [];
    const variables: Properties = {};
    for (const key of keysOf(inputs)) {
      const found = await this.#get(key.path);
      const value = found?.value || key.default;
      if (key.name) variables[key.name] = value;
      keys.push({ ...key, flags: found?.flags ?? 0, ...(isWritten(key) && { value }) });
    }
    return this.#outputs(inputs, keys, variables);
  }

  /** Like `outputs`, with the desired values instead of the store's. */
  expected(inputs: Properties): Properties {
    const keys = keysOf(inputs);
    const named = keys.filter(({ name }) => name !== "");
    return this.#outputs(inputs, keys, Object.fromEntries(named.map(({ name, value }) => [name, value])));
  }

  #outputs(inputs: Properties, keys: Key[], variables: Properties): Properties {
    return {
      ...inputs,
      keys: withSecrecyOf(inputs.keys, keys as unknown as Value),
      datacenter: this.#datacenter,
      // As in the official plugin, not secret: a program that names keys marks this output itself.
      var: variables,
      // The official plugin's schema version, so that it can use this state.
      __meta: JSON.stringify({ schema_version: "1" }),
    };
  }
}

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { askJson, NoAnswer } from "../../lib/http.ts";
import { type Access, credentials } from "../agents.ts";

const timeoutMs = 10_000;

interface ConsulAclOptions {
  signal?: AbortSignal | undefined;
  /** Counts what would be written, and writes nothing. */
  onlyLooks?: boolean;
}

/** Consul's access control on one server, which writes only what isn't as it must be. All methods fail with a NoAnswer. */
export class ConsulAcl {
  /** How many objects were written or removed. */
  written = 0;
  readonly #url: string;
  readonly #access: Access;
  readonly #options: ConsulAclOptions;

  constructor(url: string, access: Access, options: ConsulAclOptions = {}) {
    this.#url = url;
    this.#access = access;
    this.#options = options;
  }

  /** The object there; undefined if there is none. */
  async find<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await this.#ask(path, schema);
    } catch (error) {
      if (error instanceof NoAnswer && isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * Makes an object, or changes the one that is found.
   * @param found where it would be
   * @param made where one is made
   * @param idOf where the one that was found is changed: its last part
   */
  async put<T extends object>(
    wanted: T,
    found: string,
    made: string,
    idOf: (found: AclObject) => string,
  ): Promise<void> {
    const now = await this.find(found, anything);
    if (now && isAsWanted(wanted, now)) return;
    await this.#write("PUT", now ? `${made}/${idOf(now)}` : made, wanted);
  }

  create(path: string, wanted: object): Promise<void> {
    return this.#write("PUT", path, wanted);
  }

  remove(path: string): Promise<void> {
    return this.#write("DELETE", path);
  }

  async #write(method: "PUT" | "DELETE", path: string, value?: object): Promise<void> {
    if (!this.#options.onlyLooks)
      await this.#ask(path, z.unknown(), method, value && Buffer.from(JSON.stringify(value)));
    this.written++;
  }

  #ask<T>(path: string, schema: z.ZodType<T>, method = "GET", body?: Buffer): Promise<T> {
    const url = `${this.#url}/v1/acl/${path}`;
    const asker = credentials("Consul", url, { access: this.#access, signal: this.#options.signal });
    return askJson({ who: "Consul", url, schema, timeoutMs, method, body, ...asker });
  }
}

type AclObject = Record<string, unknown>;
const anything = z.record(z.string(), z.unknown());

/** Consul says 403 of a token that it doesn't have. */
const isMissing = ({ status, message }: NoAnswer) =>
  status === 404 || (status === 403 && message.includes("does not exist"));

/** Whether all that is wanted is so; Consul leaves out what is empty, and adds ids and times. */
export function isAsWanted(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted)) {
    const list = Array.isArray(found) ? found : [];
    return wanted.length === list.length && wanted.every((one, index) => isAsWanted(one, list[index]));
  }
  if (typeof wanted !== "object" || wanted === null) return isDeepStrictEqual(found ?? emptyOf(wanted), wanted);
  const has = (found ?? {}) as AclObject;
  return Object.entries(wanted).every(([name, value]) => isAsWanted(value, has[name]));
}

const emptyOf = (value: unknown) => (value === false ? false : "");

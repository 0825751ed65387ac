import { createCipheriv, createDecipheriv, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { UserError } from "../lib/errors.ts";
import type { AgentSnapshot, ClusterSnapshot } from "./fetch.ts";

/** What a snapshot's file contains. */
export interface Snapshot extends ClusterSnapshot {
  stack: string;
  /** When it was taken. */
  time: Date;
  /** The version of piinit that took it. */
  piinit: string;
}

/** Another passphrase may open the file. */
export class WrongPassphrase extends UserError {
  override name = "WrongPassphrase";
}

/*
 * A file is:
 *   "piinit snapshot 1\n"
 *   a line of JSON: how to derive the key, and what belongs to the cipher
 *   the content, encrypted by AES-256-GCM, which authenticates both lines too
 *   the cipher's tag of 16 bytes
 * The content is a line of JSON that describes both archives, then Consul's archive, then Nomad's. Both are compressed.
 */
const kind = "piinit snapshot ";
const format = 1;
const tagBytes = 16;
const mostLineBytes = 4096;

/** 128 MiB and half a second for each attempt to guess a passphrase. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const;

const base64 = (bytes: number) =>
  z
    .base64()
    .transform((text) => Buffer.from(text, "base64"))
    .refine((buffer) => buffer.length === bytes);

const keySchema = z.object({
  scrypt: z.object({ N: z.literal(cost.N), r: z.literal(cost.r), p: z.literal(cost.p), salt: base64(16) }),
  /** Comes out of the passphrase beside the key: tells a wrong passphrase from a damaged file. */
  check: base64(8),
  nonce: base64(12),
  /** Of the content. */
  bytes: z.int().nonnegative(),
});

const agentSchema = z.object({ version: z.string(), datacenter: z.string(), bytes: z.int().nonnegative() });

const contentSchema = z.object({
  stack: z.string(),
  time: z.iso.datetime(),
  piinit: z.string(),
  consul: agentSchema,
  nomad: agentSchema.optional(),
});

/** The bytes of a snapshot's file. */
export async function encodeSnapshot(snapshot: Snapshot, passphrase: string): Promise<Buffer> {
  const { stack, time, piinit, consul, nomad } = snapshot;
  const described = ({ version, datacenter, archive }: AgentSnapshot) => ({
    version,
    datacenter,
    bytes: archive.length,
  });
  const line = JSON.stringify({
    stack,
    time: time.toISOString(),
    piinit,
    consul: described(consul),
    ...(nomad && { nomad: described(nomad) }),
  });
  const content = Buffer.concat([Buffer.from(`${line}\n`), consul.archive, nomad?.archive ?? Buffer.alloc(0)]);
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const { key, check } = await derive(passphrase, salt);
  const parameters = {
    scrypt: { ...cost, salt: salt.toString("base64") },
    check: check.toString("base64"),
    nonce: nonce.toString("base64"),
    bytes: content.length,
  };
  const head = Buffer.from(`${kind}${format}\n${JSON.stringify(parameters)}\n`);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(head);
  return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/**
 * What a snapshot's file contains.
 * @param file its name, for messages
 * @throws WrongPassphrase, or another UserError if it is something else or damaged
 */
export async function decodeSnapshot(bytes: Buffer, passphrase: string, file: string): Promise<Snapshot> {
  const { head, parameters, rest } = readHead(bytes, file);
  const expected = parameters.bytes + tagBytes;
  if (rest.length < expected)
    throw new UserError(`${file} is cut off: ${expected - rest.length} bytes are missing. Use another snapshot.`);
  if (rest.length > expected) throw damaged(file);
  const { key, check } = await derive(passphrase, parameters.scrypt.salt);
  if (!timingSafeEqual(check, parameters.check))
    throw new WrongPassphrase(
      `${file} was encrypted with another passphrase than this stack has now. In a terminal, this command asks for it.`,
    );
  const cipher = createDecipheriv("aes-256-gcm", key, parameters.nonce, { authTagLength: tagBytes })
    .setAAD(head)
    .setAuthTag(rest.subarray(parameters.bytes));
  try {
    return readContent(Buffer.concat([cipher.update(rest.subarray(0, parameters.bytes)), cipher.final()]));
  } catch {
    throw damaged(file);
  }
}

const damaged = (file: string) => new UserError(`${file} is damaged, or was changed. Use another snapshot.`);

interface Head {
  /** Both lines, as they are in the file. */
  head: Buffer;
  parameters: z.output<typeof keySchema>;
  /** What follows them. */
  rest: Buffer;
}

function readHead(bytes: Buffer, file: string): Head {
  const [first = "", second, length] = firstLines(bytes);
  const version = Number(/^piinit snapshot (\d+)$/.exec(first)?.[1]);
  if (version > format)
    throw new UserError(
      `${file} is a snapshot of a newer piinit (format ${version}; this one reads ${format}). Update piinit.`,
    );
  if (version !== format)
    throw new UserError(`${file} is not a snapshot of piinit: it doesn't begin with "${kind}${format}".`);
  if (second === undefined) throw new UserError(`${file} is cut off after its first line. Use another snapshot.`);
  const { data: parameters } = keySchema.safeParse(parseJson(second));
  if (!parameters) throw damaged(file);
  return { head: bytes.subarray(0, length), parameters, rest: bytes.subarray(length) };
}

/** The first two lines, without their ends, and the bytes that they take; the second is undefined if it has no end. */
function firstLines(bytes: Buffer): [first: string, second: string | undefined, length: number] {
  const start = bytes.subarray(0, mostLineBytes);
  const end = start.indexOf("\n");
  if (end < 0) return ["", undefined, 0];
  const second = start.indexOf("\n", end + 1);
  const text = (from: number, to: number) => start.toString("latin1", from, to);
  return [text(0, end), second < 0 ? undefined : text(end + 1, second), second + 1];
}

/** Throws whatever it likes: authenticated bytes are as they were written. */
function readContent(content: Buffer): Snapshot {
  const end = content.indexOf("\n");
  const { time, consul, nomad, ...rest } = contentSchema.parse(JSON.parse(content.toString("utf8", 0, end)));
  const middle = end + 1 + consul.bytes;
  const withArchive = ({ version, datacenter, bytes }: z.output<typeof agentSchema>, from: number): AgentSnapshot => ({
    version,
    datacenter,
    archive: content.subarray(from, from + bytes),
  });
  return {
    ...rest,
    time: new Date(time),
    consul: withArchive(consul, end + 1),
    ...(nomad && { nomad: withArchive(nomad, middle) }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function derive(passphrase: string, salt: Buffer): Promise<{ key: Buffer; check: Buffer }> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 40, { ...cost, maxmem: 256 << 20 }, (error, derived) => {
      if (error) reject(error);
      else resolve({ key: derived.subarray(0, 32), check: derived.subarray(32) });
    });
  });
}

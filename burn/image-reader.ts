import { spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open, stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Compression } from "../formats/compression.ts";
import { UserError } from "../lib/errors.ts";
import { hostPath } from "../lib/host.ts";
import type { ImageFile } from "./image-file.ts";

/** Reads a disk image, decompressed, from its beginning to its end. */
export interface ImageReader {
  /** Fills the buffer from an offset, which must not decrease. Returns fewer bytes only at the image's end. */
  read(buffer: Buffer, offset: number): Promise<number>;
  /** Reads the rest of a compressed image. @throws UserError if the image is damaged or has changed meanwhile */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export async function openImage({ path, compression }: ImageFile): Promise<ImageReader> {
  const before = await identity(path);
  const reader = compression ? decompressing(path, compression) : plain(path, await open(path, "r"));
  return {
    ...reader,
    async finish() {
      await reader.finish();
      if ((await identity(path)) === before) return;
      throw new UserError(
        `The image ${path} changed while it was being burned. Burn it again once it no longer changes.`,
      );
    },
  };
}

/** Differs after every change of the file, and if another file replaced it. */
async function identity(file: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`The image ${file} can't be read any more (${error.code}).`);
  });
  return [ino, size, mtimeNs, ctimeNs].join(" ");
}

function plain(file: string, handle: FileHandle): ImageReader {
  return {
    async read(buffer, offset) {
      let done = 0;
      while (done < buffer.length) {
        const { bytesRead } = await handle
          .read(buffer, done, buffer.length - done, offset + done)
          .catch((error: NodeJS.ErrnoException) => {
            throw new UserError(`The image ${file} can't be read at ${offset + done} bytes (${error.code}).`);
          });
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    finish: async () => {},
    close: () => handle.close(),
  };
}

const commands: Readonly<Record<Compression, (file: string) => string[]>> = {
  xz: (file) => ["--decompress", "--stdout", "--threads=0", "--", file],
  zstd: (file) => ["--quiet", "--decompress", "--stdout", "--", file],
};

function decompressing(file: string, program: Compression): ImageReader {
  const child = spawn(program, commands[program](file), {
    stdio: ["ignore", "pipe", "pipe"],
    // Its own session, so that ^C reaches only this process, which then ends it.
    detached: true,
    env: { ...process.env, PATH: hostPath() },
  });
  const ended = once(child, "close") as Promise<[code: number | null]>;
  // Awaited in finish and close.
  ended.catch(() => {});
  const complaint = text(child.stderr);
  // Without a listener, Node.js discards unread data when the program ends.
  child.stdout.on("readable", () => {});
  const chunks = child.stdout.iterator()[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let position = 0;
  let pending: Buffer = Buffer.alloc(0);
  /** Takes at most that many bytes from the stream; none at its end. */
  const take = async (most: number): Promise<Buffer> => {
    if (pending.length === 0) {
      const { value, done } = await chunks.next();
      if (done) return pending;
      pending = value;
    }
    const taken = pending.subarray(0, most);
    pending = pending.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  return {
    async read(buffer, offset) {
      while (position < offset && (await take(offset - position)).length > 0);
      let done = 0;
      while (done < buffer.length) {
        const taken = await take(buffer.length - done);
        if (taken.length === 0) break;
        done += taken.copy(buffer, done);
      }
      return done;
    },
    async finish() {
      while ((await take(Number.POSITIVE_INFINITY)).length > 0);
      const [code] = await ended;
      if (code === 0) return;
      throw new UserError(
        `The image ${file} can't be decompressed; it seems to be damaged: ${(await complaint).trim()}`,
      );
    },
    async close() {
      child.stdout.destroy();
      child.kill();
      await ended;
    },
  };
}

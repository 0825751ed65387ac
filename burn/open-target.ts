import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { sectorBytes } from "../formats/units.ts";
import { UserError } from "../lib/errors.ts";
import { exists } from "../lib/files.ts";
import { runOnHost } from "../lib/host.ts";
import { ioFailure, openFailure } from "./failure.ts";
import { alignment, scratchBuffer } from "./memory.ts";
import { type Target, writePathOf } from "./target.ts";

/** An image contains secrets. */
const fileMode = 0o600;

/** A target that is open for writing; offsets are multiples of the alignment. */
export interface OpenTarget {
  /** Writes the beginning of a buffer, padded with zeros to the alignment; the padding overwrites the buffer. */
  write(buffer: Buffer, length: number, offset: number): Promise<void>;
  read(buffer: Buffer, length: number, offset: number): Promise<void>;
  /** Returns once all written data is on the medium. */
  sync(): Promise<void>;
  /** Makes later reads come from the medium, not from the system's cache. */
  dropCache(): Promise<void>;
  /** Gives a new file its exact size. */
  setSize(bytes: number): Promise<void>;
  close(): Promise<void>;
  /** Closes it after a failure, and removes a new file. */
  discard(): Promise<void>;
}

interface Destination {
  path: string;
  isFile: boolean;
  /** Its capacity, bytes; infinite for a file that may grow. */
  limit: number;
}

function destinationOf(target: Target): Destination {
  const path = writePathOf(target);
  return target.kind === "drive"
    ? { path, isFile: false, limit: target.drive.bytes }
    : { path, isFile: true, limit: target.bytes || Number.POSITIVE_INFINITY };
}

/** @throws Refused if it is in use or this user may not write to it */
export async function openTarget(target: Target): Promise<OpenTarget> {
  const destination = destinationOf(target);
  const { path, isFile, limit } = destination;
  const isNew = isFile && !(await exists(path));
  const { handle, isDirect } = await openHandle(destination);
  const explained = async <T>(doing: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw await ioFailure(destination, doing, error as NodeJS.ErrnoException);
    }
  };
  const tooLarge = () => new UserError(`${path} is smaller than the image: only ${limit} bytes fit.`);
  return {
    async write(buffer, length, offset) {
      if (offset + length > limit) throw tooLarge();
      const end = Math.min(Math.ceil(length / alignment) * alignment, limit - offset);
      buffer.fill(0, length, end);
      await explained(
        "written to",
        transferAll(end, (at, rest) => handle.write(buffer, at, rest, offset + at).then(written)),
      );
    },
    async read(buffer, length, offset) {
      const end = Math.min(Math.ceil(length / alignment) * alignment, limit - offset);
      await explained(
        "read back",
        transferAll(length, (at) => handle.read(buffer, at, end - at, offset + at).then(bytesRead)),
      );
    },
    sync: () => explained("written to", handle.sync()),
    async dropCache() {
      // On macOS, the raw device has no cache, and nothing drops a file's.
      if (isDirect || process.platform !== "linux") return;
      await runOnHost("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
    },
    async setSize(bytes) {
      if (isFile && limit === Number.POSITIVE_INFINITY) await explained("written to", handle.truncate(bytes));
    },
    close: () => handle.close(),
    async discard() {
      // The earlier failure is the one to report.
      await handle.close().catch(() => {});
      if (isNew) await rm(path, { force: true });
    },
  };
}

const written = ({ bytesWritten }: { bytesWritten: number }) => bytesWritten;
const bytesRead = (result: { bytesRead: number }) => result.bytesRead;

/** Repeats a transfer, which may be partial, until it is complete. */
async function transferAll(bytes: number, transfer: (at: number, rest: number) => Promise<number>): Promise<void> {
  for (let done = 0; done < bytes; ) {
    const step = await transfer(done, bytes - done);
    if (step === 0) throw Object.assign(new Error("unexpected end"), { code: "EOF" });
    done += step;
  }
}

/** Opens without the system's cache where possible and, for a drive on Linux, exclusively. */
async function openHandle(destination: Destination): Promise<{ handle: FileHandle; isDirect: boolean }> {
  const exclusive = process.platform === "linux" && !destination.isFile ? constants.O_EXCL : 0;
  const flags = constants.O_RDWR | (destination.isFile ? constants.O_CREAT : exclusive);
  const isWhole = destination.limit === Number.POSITIVE_INFINITY || destination.limit % sectorBytes === 0;
  try {
    const direct =
      isWhole && constants.O_DIRECT ? await openDirect(destination.path, flags | constants.O_DIRECT) : undefined;
    return direct
      ? { handle: direct, isDirect: true }
      : { handle: await open(destination.path, flags, fileMode), isDirect: false };
  } catch (error) {
    throw openFailure(destination.path, error as NodeJS.ErrnoException);
  }
}

/** Undefined if the file system doesn't support it or needs another alignment. */
async function openDirect(path: string, flags: number): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, flags, fileMode);
    await handle.read(scratchBuffer(), 0, alignment, 0);
    return handle;
  } catch (error) {
    await handle?.close();
    if ((error as NodeJS.ErrnoException).code === "EINVAL") return undefined;
    throw error;
  }
}

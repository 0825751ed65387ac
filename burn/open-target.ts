import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { sectorBytes } from "../formats/units.ts";
import { UserError } from "../lib/errors.ts";
import { exists } from "../lib/files.ts";
import { runOnHost } from "../lib/host.ts";
import { ioFailure, openFailure } from "./failure.ts";
import { alignment, scratchBuffer } from "./memory.ts";
import { type Target, writePathOf } from "./target.ts";

/** An image holds secrets. */
const fileMode = 0o600;

/** Something that is open for writing; offsets are multiples of the alignment. */
export interface OpenTarget {
  /** Writes the beginning of a buffer; what is behind it is overwritten with zeros up to the alignment. */
  write(buffer: Buffer, length: number, offset: number): Promise<void>;
  read(buffer: Buffer, length: number, offset: number): Promise<void>;
  /** Returns when all that was written is on the medium. */
  sync(): Promise<void>;
  /** From here on it is read from the medium itself. */
  forget(): Promise<void>;
  /** Gives a file that was made here its exact size. */
  setSize(bytes: number): Promise<void>;
  close(): Promise<void>;
  /** Closes it after a failure; a file that was made here goes. */
  discard(): Promise<void>;
}

interface Place {
  path: string;
  isFile: boolean;
  /** How many bytes fit. */
  limit: number;
}

function placeOf(target: Target): Place {
  const path = writePathOf(target);
  return target.kind === "drive"
    ? { path, isFile: false, limit: target.drive.bytes }
    : { path, isFile: true, limit: target.bytes || Number.POSITIVE_INFINITY };
}

/** @throws Refused when it is in use or not this user's to write */
export async function openTarget(target: Target): Promise<OpenTarget> {
  const place = placeOf(target);
  const { path, isFile, limit } = place;
  const isNew = isFile && !(await exists(path));
  const { handle, isDirect } = await openHandle(place);
  const told = async <T>(doing: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw await ioFailure(place, doing, error as NodeJS.ErrnoException);
    }
  };
  const tooLarge = () => new UserError(`${path} is smaller than the image: only ${limit} bytes fit.`);
  return {
    async write(buffer, length, offset) {
      if (offset + length > limit) throw tooLarge();
      const end = Math.min(Math.ceil(length / alignment) * alignment, limit - offset);
      buffer.fill(0, length, end);
      await told(
        "written to",
        eachByte(end, (at, rest) => handle.write(buffer, at, rest, offset + at).then(written)),
      );
    },
    async read(buffer, length, offset) {
      const end = Math.min(Math.ceil(length / alignment) * alignment, limit - offset);
      await told(
        "read back",
        eachByte(length, (at) => handle.read(buffer, at, end - at, offset + at).then(bytesRead)),
      );
    },
    sync: () => told("written to", handle.sync()),
    async forget() {
      // macOS has no cache before the raw device, and no program that empties the one before a file.
      if (isDirect || process.platform !== "linux") return;
      await runOnHost("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
    },
    async setSize(bytes) {
      if (isFile && limit === Number.POSITIVE_INFINITY) await told("written to", handle.truncate(bytes));
    },
    close: () => handle.close(),
    async discard() {
      // What went wrong before is what counts.
      await handle.close().catch(() => {});
      if (isNew) await rm(path, { force: true });
    },
  };
}

const written = ({ bytesWritten }: { bytesWritten: number }) => bytesWritten;
const bytesRead = (result: { bytesRead: number }) => result.bytesRead;

/** Repeats a transfer that may do a part of its work, until all is done. */
async function eachByte(bytes: number, transfer: (at: number, rest: number) => Promise<number>): Promise<void> {
  for (let done = 0; done < bytes; ) {
    const step = await transfer(done, bytes - done);
    if (step === 0) throw Object.assign(new Error("it ends early"), { code: "EOF" });
    done += step;
  }
}

/** Without the system's cache where that can be, and for this process alone if it is a drive of a Linux system. */
async function openHandle(place: Place): Promise<{ handle: FileHandle; isDirect: boolean }> {
  const alone = process.platform === "linux" && !place.isFile ? constants.O_EXCL : 0;
  const flags = constants.O_RDWR | (place.isFile ? constants.O_CREAT : alone);
  const isWhole = place.limit === Number.POSITIVE_INFINITY || place.limit % sectorBytes === 0;
  try {
    const direct = isWhole && constants.O_DIRECT ? await openDirect(place.path, flags | constants.O_DIRECT) : undefined;
    return direct
      ? { handle: direct, isDirect: true }
      : { handle: await open(place.path, flags, fileMode), isDirect: false };
  } catch (error) {
    throw openFailure(place.path, error as NodeJS.ErrnoException);
  }
}

/** Undefined where the file system can't do it, or wants another alignment. */
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

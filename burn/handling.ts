import { UserError } from "../lib/errors.ts";
import { findOnPath, hostPath, requirePrograms, runOnHost } from "../lib/host.ts";
import { type Drive, isSameDrive, type Limits, refusal } from "./drive.ts";
import { listDrives } from "./drives.ts";
import { Refused } from "./failure.ts";
import { burnPackages } from "./packages.ts";

/**
 * Looks at a drive once more and unmounts what is on it: between the choice and the writing another one may have taken
 * its name, or the system may have mounted it.
 */
export async function takeDrive(chosen: Drive, imageBytes: number | undefined, limits: Limits): Promise<void> {
  const drive = (await listDrives()).find(({ path }) => path === chosen.path);
  if (!drive || !isSameDrive(drive, chosen)) {
    throw new Refused(`${chosen.path} is not the drive any more that was chosen: it was taken out, or exchanged.`);
  }
  const reason = refusal(drive, imageBytes, limits);
  if (reason) throw new Refused(`${drive.path} ${reason}.`);
  await unmount(drive);
}

async function unmount({ path, mounts }: Drive): Promise<void> {
  const hint = `Close what uses ${path} and unmount it, then try again.`;
  if (process.platform === "darwin") {
    await refusing(runOnHost("diskutil", ["unmountDisk", path], { hint }));
    return;
  }
  // Inner folders first.
  for (const { device, at } of mounts.toSorted((a, b) => b.at.length - a.at.length)) {
    const [program, ...args] =
      process.getuid?.() === 0
        ? ["umount", "--", at]
        : ["udisksctl", "unmount", "--no-user-interaction", "--block-device", device];
    await requirePrograms(`Unmounting ${at}`, [program as string], burnPackages);
    await refusing(runOnHost(program as string, args, { hint }));
  }
}

/** What can't be unmounted isn't written to. */
async function refusing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    throw error instanceof UserError ? new Refused(error.message, { cause: error }) : error;
  });
}

/** Lets go of a drive, as far as there is something to do: all is on it already, so a failure changes nothing. */
export async function eject({ path, bus, isImage }: Drive): Promise<void> {
  if (process.platform === "darwin") {
    await runOnHost("diskutil", ["eject", path]).catch(() => {});
    return;
  }
  if (isImage || bus === "mmc" || !(await findOnPath("eject", { PATH: hostPath() }))) return;
  await runOnHost("eject", [path]).catch(() => {});
}

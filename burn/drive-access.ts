import { UserError } from "../lib/errors.ts";
import { findOnPath, hostPath, requirePrograms, runOnHost } from "../lib/host.ts";
import { burnPackages } from "./burn-packages.ts";
import { type Drive, isSameDrive, type Limits, refusal } from "./drive.ts";
import { listDrives } from "./drives.ts";
import { Refused } from "./failure.ts";

/**
 * Checks a chosen drive again and unmounts it: since the choice, another one may have got its name, or the system may
 * have mounted it.
 * @throws Refused if it may not be written to any more
 */
export async function claimDrive(chosen: Drive, imageBytes: number | undefined, limits: Limits): Promise<void> {
  const drive = (await listDrives()).find(({ path }) => path === chosen.path);
  if (!drive || !isSameDrive(drive, chosen)) {
    throw new Refused(`${chosen.path} has been removed or replaced since you chose it.`);
  }
  const reason = refusal(drive, imageBytes, limits);
  if (reason) throw new Refused(`${drive.path} ${reason}.`);
  await unmount(drive);
}

async function unmount({ path, mounts }: Drive): Promise<void> {
  const hint = `Close what uses ${path} and unmount it, then try again.`;
  if (process.platform === "darwin") {
    await refuseOnFailure(runOnHost("diskutil", ["unmountDisk", path], { hint }));
    return;
  }
  // Inner folders first.
  for (const { device, at } of mounts.toSorted((a, b) => b.at.length - a.at.length)) {
    const [program, ...args] =
      process.getuid?.() === 0
        ? ["umount", "--", at]
        : ["udisksctl", "unmount", "--no-user-interaction", "--block-device", device];
    await requirePrograms(`Unmounting ${at}`, [program as string], burnPackages);
    await refuseOnFailure(runOnHost(program as string, args, { hint }));
  }
}

/** A drive that can't be unmounted isn't written to. */
async function refuseOnFailure(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    throw error instanceof UserError ? new Refused(error.message, { cause: error }) : error;
  });
}

/** Ejects a drive where that makes sense. All data is on it by now, so a failure doesn't matter. */
export async function eject({ path, bus, isImage }: Drive): Promise<void> {
  if (process.platform === "darwin") {
    await runOnHost("diskutil", ["eject", path]).catch(() => {});
    return;
  }
  if (isImage || bus === "mmc" || !(await findOnPath("eject", { PATH: hostPath() }))) return;
  await runOnHost("eject", [path]).catch(() => {});
}

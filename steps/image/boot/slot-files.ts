import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Additions } from "../filesystem/overlay.ts";
import { kernelFolder, slotFolder } from "../manifest/slots.ts";
import { type BootFiles, type InstalledSystem, kernelFile, kernelVersion } from "./boot-files.ts";

/**
 * The files of the slot's folder as additions to the root file system, which is all that an update brings. The kernel is
 * there anyway, so it is linked.
 */
export async function slotAdditions(
  image: string,
  files: BootFiles,
  { tree, work }: Pick<InstalledSystem, "tree" | "work">,
): Promise<Required<Pick<Additions, "programs" | "links">>> {
  const names = Object.keys(files).filter((name) => name.startsWith(slotFolder));
  const kernel = { path: path.join(kernelFolder, "vmlinuz"), target: kernelFile(kernelVersion(image, tree)) };
  const additions = { programs: [] as { path: string; copyOf: string }[], links: [kernel] };
  for (const [index, name] of names.entries()) {
    const place = path.join(kernelFolder, path.basename(name));
    const copyOf = path.join(work, `slot-${index}`);
    if (place === kernel.path) continue;
    await writeFile(copyOf, files[name] ?? "");
    additions.programs.push({ path: place, copyOf });
  }
  return additions;
}

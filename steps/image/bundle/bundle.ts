import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { runOnHost } from "../../../lib/host.ts";
import type { RootPartition } from "../filesystem/debugfs.ts";
import type { Manifest, Signer } from "../manifest/manifest.ts";
import { compatibleWith } from "../manifest/slots.ts";
import { hook } from "./hook.ts";

/** An update that an image's machines take over the network: a bundle of RAUC with the image's root file system, signed. */
export interface Update {
  image: Pick<Manifest, "name" | "board">;
  /** The image's name with its digest. */
  id: string;
  signer: Signer;
  /** In the disk image, of which it is the last part. */
  root: RootPartition;
}

/** Larger blocks than 64 KiB make it no smaller, and level 3 takes a tenth of the default's time. */
const compression = "-comp zstd -Xcompression-level 3 -b 64k";

/**
 * Makes an update. Its content is read in one go on the machine, after the whole of it has been checked ("plain"), so that no
 * kernel needs dm-verity, whose status RAUC 1.13 can't read on Linux 6.19 and later.
 * @param folder for the result and temporary files; only this user may read it
 */
export async function makeBundle(update: Update, folder: string, signal: AbortSignal): Promise<string> {
  const work = path.join(folder, "update");
  const content = path.join(work, "content");
  await mkdir(content, { recursive: true, mode: 0o700 });
  await takeRoot(update.root, path.join(content, "root.ext4"), signal);
  await writeFile(path.join(content, "manifest.raucm"), manifestText(update));
  await writeFile(path.join(content, "hook"), hook, { mode: 0o755 });
  const [certificate, key] = [path.join(work, "certificate.pem"), path.join(work, "key.pem")];
  await writeFile(certificate, update.signer.certificate);
  await writeFile(key, update.signer.key, { mode: 0o600 });
  const bundle = path.join(work, "update.raucb");
  const signing = [`--cert=${certificate}`, `--key=${key}`, `--keyring=${certificate}`];
  await runOnHost("rauc", [...signing, `--mksquashfs-args=${compression}`, "bundle", content, bundle], { signal });
  // The cluster's secrets are in it.
  await chmod(bundle, 0o600);
  return bundle;
}

async function takeRoot({ disk, offset }: RootPartition, file: string, signal: AbortSignal): Promise<void> {
  const blocks = ["bs=128K", `skip=${offset}`, "iflag=skip_bytes", "conv=sparse", "status=none"];
  await runOnHost("dd", [`if=${disk}`, `of=${file}`, ...blocks], { signal });
  if ((await stat(file)).size === 0) throw new Error(`${disk} has no root file system at ${offset}`);
}

const manifestText = ({ image, id }: Update): string => `[update]
compatible=${compatibleWith(image)}
version=${id}

[bundle]
format=plain

[hooks]
filename=hook

[image.rootfs]
filename=root.ext4
hooks=post-install
`;

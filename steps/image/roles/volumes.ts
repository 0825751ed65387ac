import { z } from "zod";
import { type Contribution, combine, script, unit } from "../manifest/contribution.ts";

/** A disk that jobs may use on machines that have it. */
export interface VolumeOptions {
  /** The label of its file system. */
  label: string;
  readOnly: boolean;
}

/** The labels of an image's own file systems. */
const ownLabels = ["BOOT", "root", "data"];

const volume = z.strictObject({
  label: z
    .string()
    .regex(/^[\w.-]{1,64}$/, "must be a file system's label: letters, digits and ._- only")
    .refine((label) => !ownLabels.includes(label), {
      error: "must be another label: the machine has a file system with this one (e2label changes the disk's)",
    })
    .meta({ description: "The label of its file system.", example: "usb-disk" }),
  readOnly: z.boolean().default(false).meta({ description: "Jobs may only read it.", example: true }),
});

export const volumesSchema = z
  .record(
    z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "must have lower-case letters, digits and hyphens only, a letter first"),
    volume,
  )
  .superRefine((volumes, { addIssue }) => {
    const owners = new Map<string, string>();
    for (const [name, { label }] of Object.entries(volumes)) {
      const owner = owners.get(label);
      if (owner === undefined) owners.set(label, name);
      else
        addIssue({
          code: "custom",
          path: [name, "label"],
          message: `must be unique: ${owner} has it too`,
        });
    }
  })
  .default({});

/** Prints Nomad's configuration of those volumes that are mounted. */
export const mountedVolumes = "/usr/lib/piinit/mounted-volumes";

/**
 * Mounts disks by label at /mnt/NAME, at boot or when they are plugged in. Nomad has a volume only while its disk is
 * mounted: it restarts when that changes (its tasks keep running), so a job waits for the disk instead of writing to the
 * empty mount point, and a machine without the disk starts like any other.
 */
export function hostVolumes(volumes: Record<string, VolumeOptions>): Contribution {
  const names = Object.keys(volumes);
  if (names.length === 0) return {};
  return combine(
    {
      directories: names.map((name) => ({ path: mountPoint(name), mode: "0755", owner: "root" })),
      files: [script(mountedVolumes, printMounted(volumes)), script("/usr/lib/piinit/watch-volumes", watchVolumes)],
    },
    unit("seal-mount-points.service", sealService(names), "multi-user.target"),
    unit("watch-volumes.service", watchService, "multi-user.target"),
    ...Object.entries(volumes).map(([name, volume]) => mount(name, volume)),
  );
}

const mountPoint = (name: string) => `/mnt/${name}`;

/** Mounts with the disk, not at boot, so nothing waits for a missing one. */
function mount(name: string, volume: VolumeOptions): Contribution {
  const mountUnit = `${escaped(`mnt/${name}`)}.mount`;
  const device = escaped(`dev/disk/by-label/${volume.label}`);
  return unit(mountUnit, mountText(name, volume, device), `${device}.device`);
}

/** A path as systemd escapes it in unit names. */
function escaped(path: string): string {
  const code = (character: string) => `\\x${character.charCodeAt(0).toString(16)}`;
  return path.replace(/[^\w.:/]/g, code).replaceAll("/", "-");
}

const mountText = (name: string, { label, readOnly }: VolumeOptions, device: string) => `[Unit]
Description=Volume ${name}
Wants=seal-mount-points.service systemd-fsck@${device}.service
After=seal-mount-points.service systemd-fsck@${device}.service

[Mount]
What=/dev/disk/by-label/${label}
Where=${mountPoint(name)}
Options=nofail,noatime,x-systemd.device-bound${readOnly ? ",ro" : ""}
`;

// Not even a container that binds the mount point may fill the card. A sealed folder can still be mounted on.
const sealService = (names: string[]) => `[Unit]
Description=Keep the mount points of missing disks empty
DefaultDependencies=no
After=systemd-remount-fs.service
Before=docker.service nomad.service
ConditionPathIsReadWrite=/mnt

[Service]
Type=oneshot
RemainAfterExit=yes
${names.map((name) => `ExecStart=-/usr/bin/chattr +i ${mountPoint(name)}`).join("\n")}
`;

const watchService = `[Unit]
Description=Tell Nomad when a disk comes or goes
After=nomad.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/lib/piinit/watch-volumes
Restart=always
RestartSec=5
`;

const watchVolumes = `#!/bin/sh
# Starts Nomad again with the volumes that are mounted whenever these are not those that it was started with.
{ echo; findmnt --poll --noheadings --output ACTION; } | while read -r _; do
  until ${mountedVolumes} | cmp -s - /run/piinit/nomad/volumes.json; do
    systemctl try-restart nomad.service
    sleep 5
  done
done
`;

// A list, because Nomad takes an object of objects for one block with several labels.
function printMounted(volumes: Record<string, VolumeOptions>): string {
  const tests = Object.entries(volumes).map(
    ([name, { readOnly }]) =>
      `if mountpoint -q ${mountPoint(name)}; then
  printf '%s{"${name}": {"path": "${mountPoint(name)}", "read_only": ${readOnly}}}' "$separator"
  separator=", "
fi`,
  );
  return `#!/bin/sh
# Prints Nomad's configuration of the volumes whose disks are mounted.
separator=
printf '{"client": {"host_volume": ['
${tests.join("\n")}
echo ']}}'
`;
}

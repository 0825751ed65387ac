import type { z } from "zod";
import type { Architecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";
import { versions } from "../../../toolchain/versions.ts";
import type { Board } from "../boards/board.ts";
import { type BoardName, boardOf } from "../boards/catalogue.ts";
import { lab } from "../boards/lab.ts";
import { onImage } from "../boards/on-image.ts";
import { type Contribution, combine, type ImageContext, type Role } from "../manifest/contribution.ts";
import type { Base, Boot, ImageBase, Manifest, Signer, TextFile } from "../manifest/manifest.ts";
import { card } from "../roles/card.ts";
import { type RoleOptions, rolesOf } from "../roles/catalogue.ts";
import { identity } from "../roles/identity.ts";
import { raspberryPiOs } from "../roles/raspberry-pi-os.ts";
import { type RouterOptions, router } from "../roles/router.ts";
import { noSsh, ssh } from "../roles/ssh.ts";
import { system } from "../roles/system.ts";
import { timeSync } from "../roles/time.ts";
import { updates } from "../roles/updates.ts";
import type { BootSettings } from "./boot-settings.ts";

export interface ImagePlan {
  name: string;
  board: BoardName;
  /** A suite of Debian, optionally at a moment of its history, or an existing image. Debian trixie by default. */
  base?: { suite: string; snapshot?: string | undefined } | ImageBase;
  /** When Debian's newest packages were last asked for; an existing image and a moment of history have their own. */
  refreshed?: string | undefined;
  roles: RoleOptions;
  /** In addition to the roles' packages. */
  packages?: string[];
  files?: TextFile[];
  boot?: BootSettings;
  /** Never write to the root file system; changes stay in memory until the next boot. */
  readOnlyRoot?: boolean;
  /** Keep the data that an earlier image left on the card. */
  keepData?: boolean;
}

/** The manifest of a machine's image. Pure, so that a change of the settings or of this code shows up in a preview. */
export function plan(image: ImagePlan, context: ImageContext, architecture: Architecture): Manifest {
  const contributions = rolesOf(image.roles).flatMap(({ role, options }) => [
    programOf(role),
    role.contribute(options, context),
  ]);
  const { packages = [], files = [], readOnlyRoot = false, keepData = false } = image;
  const isOnImage = image.base !== undefined && "image" in image.base;
  const own = boardOf(image.board, architecture);
  const board = withSettings(isOnImage ? onImage(own) : own, image.boot);
  return manifest(
    image,
    board,
    [
      board.clock === "host" ? {} : timeSync({ hasClock: board.clock === "battery" }),
      board.disk.grows ? card(board.disk, { keepData, readOnlyRoot }) : {},
      isOnImage ? raspberryPiOs : {},
      identity(context.machines),
      ...contributions,
      ...updatesOf(image, board, context),
      image.roles.ssh ? {} : noSsh,
      { packages, files },
    ],
    context.signer,
  );
}

/** Whoever takes updates of a stack must be known to its agents. */
function updatesOf(image: ImagePlan, board: Board, { security, signer }: ImageContext): Contribution[] {
  if (!security || !signer) return [];
  const { name, board: boardName, roles } = image;
  return [updates({ image: { name, board: boardName, disk: board.disk }, roles, security, signer })];
}

function programOf({ program: name }: Pick<Role<z.ZodType>, "program">): Contribution {
  return name ? { programs: [{ name, version: versions[name], path: `/usr/local/bin/${name}` }] } : {};
}

/** The manifest of the lab router's image. */
export function planRouter(options: RouterOptions, sshKeys: string[], architecture: Architecture): Manifest {
  const contributions = [router(options), ssh.contribute({ keys: sshKeys }, noContext)];
  return manifest({ name: "router", board: "lab" }, lab(architecture), contributions);
}

const noContext: ImageContext = {
  datacenter: "",
  consulServers: [],
  nomadServers: [],
  machines: [],
  gossipKeys: { consul: "", nomad: "" },
};

function manifest(
  image: Omit<ImagePlan, "roles">,
  board: Board,
  contributions: Contribution[],
  signer?: Signer,
): Manifest {
  const { name, readOnlyRoot = false } = image;
  const all = combine(
    system({ readOnlyRoot, disk: board.disk }),
    { packages: board.packages, files: board.files },
    ...contributions,
  );
  refuseCollisions(name, all);
  return {
    format: 1,
    name,
    board: image.board,
    architecture: board.architecture,
    base: baseOf(image, board),
    packages: [...new Set(all.packages)].sort(),
    programs: all.programs,
    users: all.users,
    directories: all.directories,
    files: all.files,
    links: all.links,
    boot: readOnlyRoot ? withOverlay(board.boot) : board.boot,
    disk: board.disk,
    ...(signer && board.disk.slots && { signer }),
  };
}

function baseOf({ base = { suite: "trixie" }, refreshed }: Omit<ImagePlan, "roles">, board: Board): Base {
  if ("image" in base) return base;
  const { suite, snapshot } = base;
  const { components, backports = [] } = board;
  const debian = { distribution: "debian", suite, components, backports } as const;
  if (snapshot !== undefined) return { ...debian, snapshot };
  return refreshed === undefined ? debian : { ...debian, refreshed };
}

/** Adds the settings' kernel parameters and firmware lines to a board. */
function withSettings(board: Board, { kernel, config }: BootSettings = { kernel: [], config: [] }): Board {
  const commandLine = [board.boot.commandLine, ...kernel].join(" ");
  return { ...board, boot: { ...board.boot, commandLine, ...(config.length > 0 && { config }) } };
}

/** This kernel parameter makes the initial RAM disk mount a file system in memory over the root. */
function withOverlay(boot: Boot): Boot {
  return { ...boot, modules: [...boot.modules, "overlay"], commandLine: `${boot.commandLine} piinit.overlay` };
}

function refuseCollisions(image: string, { files, links, programs }: Required<Contribution>): void {
  const seen = new Set<string>();
  for (const { path } of [...files, ...links, ...programs]) {
    if (seen.has(path))
      throw new UserError(
        `The image ${image} has ${path} twice: two roles add it, or a role and the setting "files". Remove one of them.`,
      );
    seen.add(path);
  }
}

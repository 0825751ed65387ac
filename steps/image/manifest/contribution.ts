import { z } from "zod";
import type { Architecture } from "../../../lib/architecture.ts";
import type { ToolName } from "../../../toolchain/versions.ts";
import type { Directory, Link, Program, Signer, TextFile, User } from "./manifest.ts";

/** What a role or a board adds to an image. */
export interface Contribution {
  packages?: string[];
  programs?: Program[];
  users?: User[];
  directories?: Directory[];
  files?: TextFile[];
  links?: Link[];
}

/** What a role knows of the stack in addition to its options. */
export interface ImageContext {
  datacenter: string;
  /** Addresses of the machines that run the servers. */
  consulServers: string[];
  nomadServers: string[];
  /** All machines of the stack. */
  machines: Neighbour[];
  /** Base64, 32 bytes each. */
  gossipKeys: { consul: string; nomad: string };
  /** Missing in a stack whose agents let everybody in. */
  security?: ImageSecurity | undefined;
  /** Signs updates; missing in a stack whose machines take none. */
  signer?: Signer | undefined;
}

/** By what an image's agents know each other, and whom they let in. */
export interface ImageSecurity {
  /** PEM of the stack's authority. */
  ca: string;
  /** PEM, the same for all of the image's machines. */
  certificate: string;
  key: string;
  /** UUIDs. A role writes only those that its agents need. */
  tokens: {
    consulManagement: string;
    recovery: string;
    /** Of this image's machines. */
    machine: string;
    dns: string;
    nomadServer: string;
    nomadClient: string;
    nomadManagement: string;
    prometheus: string;
    /** The password of Prometheus's own page. */
    prometheusPage: string;
  };
}

/** Who has that password. */
export const prometheusUser = "piinit";

/** Where Prometheus shows the cluster at a glance. */
export const clusterPage = "/consoles/cluster.html";

/** What one machine knows of another one in the stack. */
export interface Neighbour {
  name: string;
  /** Lower-case. */
  mac: string;
  ip: string;
  /** Names of its image's roles, e.g. "node-exporter". */
  roles: string[];
}

/** Where an image runs, for roles that not every machine can have. */
export interface Site {
  board: string;
  architecture: Architecture;
  /** Whether the stack's machines are virtual. */
  isLab: boolean;
  /** Names of the image's roles. */
  roles: readonly string[];
}

/** A role that an image can have: one file in roles/, and one line in its catalogue. */
export interface Role<Schema extends z.ZodType> {
  /** Its options in the settings. A role whose schema has a default is in every image. */
  schema: Schema;
  /** The program from the toolchain that it installs to /usr/local/bin. */
  program?: ToolName;
  /** Its row in docs/roles.md, in Markdown. */
  row: { options: string; ports?: string; registers?: string };
  contribute(options: z.output<Schema>, context: ImageContext): Contribution;
  /** Why these options can't be used there, to follow the role's name: "must be left out: …". */
  refuse?(options: z.output<Schema>, site: Site): string | undefined;
}

/** Infers the type of a role's options from its schema. */
export function defineRole<Schema extends z.ZodType>(role: Role<Schema>): Role<Schema> {
  return role;
}

/** A role that is on or off. */
export const onOff = z.literal(true, "must be true, or left out");

export function file(path: string, text: string, { mode = "0644", owner = "root" } = {}): TextFile {
  return { path, mode, owner, text };
}

/** A JSON configuration file that only its owner may read. */
export function privateJson(path: string, value: unknown, owner: string): TextFile {
  return file(path, `${JSON.stringify(value, undefined, 2)}\n`, { mode: "0600", owner });
}

export function script(path: string, text: string): TextFile {
  return file(path, text, { mode: "0755" });
}

/** A systemd unit file, and the link that enables it when `wantedBy` is given. */
export function unit(name: string, text: string, wantedBy?: string): Required<Pick<Contribution, "files" | "links">> {
  return {
    files: [file(`/etc/systemd/system/${name}`, text)],
    links: wantedBy ? [enable(name, wantedBy, `/etc/systemd/system/${name}`)] : [],
  };
}

/** Enables a unit. @param target its file; by default where packages install units */
export function enable(name: string, wantedBy: string, target = `/usr/lib/systemd/system/${name}`): Link {
  return { path: `/etc/systemd/system/${wantedBy}.wants/${name}`, target };
}

/** Keeps a unit from ever starting. */
export function mask(name: string): Link {
  return { path: `/etc/systemd/system/${name}`, target: "/dev/null" };
}

/** Merges contributions, in order. */
export function combine(...parts: Contribution[]): Required<Contribution> {
  return {
    packages: parts.flatMap((part) => part.packages ?? []),
    programs: parts.flatMap((part) => part.programs ?? []),
    users: parts.flatMap((part) => part.users ?? []),
    directories: parts.flatMap((part) => part.directories ?? []),
    files: parts.flatMap((part) => part.files ?? []),
    links: parts.flatMap((part) => part.links ?? []),
  };
}

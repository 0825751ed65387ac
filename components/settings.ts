import { z } from "zod";
import type { Login } from "../lib/ssh.ts";
import { boardNames } from "../steps/image/boards/catalogue.ts";
import { bootSettings } from "../steps/image/plan/boot-settings.ts";
import type { ImagePlan } from "../steps/image/plan/plan.ts";
import { withoutEffect } from "../steps/image/plan/without-effect.ts";
import { rolesSchema } from "../steps/image/roles/catalogue.ts";
import { routerSettings } from "../steps/router/drivers.ts";
import { checkMachines } from "./checks.ts";
import { cantBeUsed, type Fault, faultsError, pathText } from "./faults.ts";
import { hclExpression } from "./jobspec.ts";
import { describeIssue, issueFault, protoFaults } from "./schema-faults.ts";
import { alteredBySource } from "./source.ts";

/** A stack's settings with every default filled in; what can be derived from them is a function below. */
export type Settings = z.output<typeof schema>;
export type Machine = Settings["machines"][number];

const hostname = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a host name: lower-case letters, digits and hyphens, a letter first",
  );

/** Names that mean something else: to dnsmasq in a reservation, and to every machine. */
const reservedNames = ["ignore", "infinite", "localhost"];

const machineName = hostname.refine((name) => !reservedNames.includes(name), {
  error: ({ input }) =>
    `must be another name: ${input === "localhost" ? "every machine calls itself that" : "dnsmasq takes this one for a keyword"}`,
});

const mac = z
  .string()
  .toLowerCase()
  .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, { error: "must be a MAC address such as b8:27:eb:01:02:03", abort: true })
  .refine((mac) => /^.[02468ace]/.test(mac), "must be the address of one machine, and this is one of a group");

const ip = z.ipv4("must be an IPv4 address such as 192.168.2.51");

const durationUnits: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** "90s", "10m" or "1h", as seconds. */
const duration = z
  .string()
  .regex(/^[1-9]\d*[smh]$/, "must be a duration such as 90s, 10m or 1h")
  .transform((text) => Number(text.slice(0, -1)) * (durationUnits[text.slice(-1)] ?? 1));

const scalar = z
  .union([z.string(), z.number(), z.boolean()], "must be a text, a number, true or false")
  .transform(String);

/** A list or a map becomes the expression that it is in a job file. */
const jobVariable = z.union(
  [scalar, z.union([z.array(z.json()), z.record(z.string(), z.json())]).transform(hclExpression)],
  "must be a text, a number, true, false, a list or a map",
);

const port = z.int().min(1).max(65535);

const hostKey = z
  .string()
  .regex(/^\S+ \S+$/, "must be a public host key, e.g. what ssh-keyscan prints after the address");

const network = z.strictObject({
  cidr: z
    .cidrv4({ error: "must be a network such as 192.168.2.0/24", abort: true })
    .refine((cidr) => Number(cidr.split("/")[1]) <= 29, {
      error: "must have room for a router and three machines or more: /29 or larger",
    }),
  domain: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, "must be a domain such as home.arpa")
    .default("home.arpa"),
  router: routerSettings.default({ kind: "manual" }),
});

/** A Linux that builds the images in place of this machine. What is left out is up to the user's own ssh configuration. */
const builder = z
  .strictObject({
    ssh: z.string().regex(/^(\w[\w.-]*@)?\w[\w.:-]*$/, "must be USER@HOST, or a name from your ssh configuration"),
    port: port.optional(),
    hostKey: hostKey.optional(),
    keyFile: z.string().optional(),
  })
  .transform(({ ssh, ...login }): Login => {
    const [host = "", user] = ssh.split("@").toReversed();
    return { ...login, host, user };
  });

const extraFile = z
  .strictObject({
    path: z
      .string()
      .regex(/^(\/[\w@%+=:,.~-]+)+$/, "must be an absolute path of letters, digits and @%+=:,.~_- only")
      .refine((path) => !/\/\.\.?(\/|$)/.test(path), 'must not have "." or ".." in it')
      .refine((path) => withoutEffect(path) === undefined, { error: ({ input }) => withoutEffect(String(input)) }),
    text: z.string().optional(),
    /** A file on this host, relative to the project. */
    source: z.string().optional(),
    mode: z
      .string()
      .regex(/^[0-7]{3,4}$/, 'must be a mode in quotes such as "0644"')
      .default("0644"),
    owner: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]*$/, "must be the name of a user of the image")
      .default("root"),
  })
  .refine(({ text, source }) => (text === undefined) !== (source === undefined), {
    error: "must have either text or source",
  });

/** A suite of Debian, or an existing image with its sum. */
const base = z
  .strictObject({
    distribution: z.literal("debian", "must be debian").optional(),
    suite: z
      .string()
      .regex(/^[a-z]+$/, "must be a suite of Debian such as trixie")
      .optional(),
    /** The packages of one moment, from an archive of snapshots. */
    snapshot: z
      .string()
      .regex(
        /^https?:\/\/[^\s"']+\/ARCHIVE\/\d{8}T\d{6}Z$/,
        "must be the address of an archive of snapshots with a day and time, such as https://…/ARCHIVE/20260801T000000Z",
      )
      .optional(),
    /** An address, or a file on this host relative to the project. */
    image: z
      .string()
      .regex(/\.img(\.xz|\.zst)?$/, "must be a file or an address that ends in .img, .img.xz or .img.zst")
      .optional(),
    sha256: z
      .string()
      .toLowerCase()
      .regex(/^[0-9a-f]{64}$/, "must be the sum of the image's file, 64 hex digits")
      .optional(),
  })
  .refine(({ image, sha256 }) => (image === undefined) === (sha256 === undefined), {
    error: "must have image and sha256, the sum of its file, together",
  })
  .refine(({ image, suite, snapshot }) => image === undefined || (suite ?? snapshot) === undefined, {
    error: "must be either an existing image or a suite of Debian",
  })
  .transform(
    ({ image, sha256, suite = "trixie", snapshot }): NonNullable<ImagePlan["base"]> =>
      image !== undefined && sha256 !== undefined ? { image, sha256 } : { suite, snapshot },
  )
  .prefault({});

const image = z.strictObject({
  board: z.enum(boardNames),
  /** What it is made from. */
  base,
  roles: rolesSchema,
  /** Debian packages beside those of the roles. */
  packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be the name of a Debian package")).default([]),
  /** Files beside those of the roles. */
  files: z.array(extraFile).default([]),
  /** For the kernel, and the firmware of a Raspberry Pi. */
  boot: bootSettings,
  /** Nothing is ever written to the system's part of the card. */
  readOnlyRoot: z.boolean().default(false),
  /** A new image on a card takes over the data that the one before it left there. */
  keepData: z.boolean().default(false),
});

const schema = z.strictObject({
  datacenter: z
    .string()
    .regex(/^[a-z0-9_-]+$/, "must have lower-case letters, digits, hyphens and underscores only")
    .default("dc1"),
  network,
  /** Present: the machines are virtual, and so is their router. */
  lab: z
    .strictObject({
      memoryMiB: z.int().min(512).default(768),
      cpus: z.int().min(1).max(8).default(1),
    })
    .optional(),
  builder: builder.optional(),
  // Without the names that every JavaScript object has, such as "constructor".
  images: z.record(hostname, image).transform((images): typeof images => Object.assign(Object.create(null), images)),
  machines: z
    .array(z.strictObject({ name: machineName, mac, ip, image: z.string() }))
    .min(1, "must name at least one machine"),
  kv: z.record(z.string().regex(/^[^/].*$/, "must be a key without a leading slash"), scalar).default({}),
  jobs: z
    .record(z.string(), z.strictObject({ file: z.string(), vars: z.record(z.string(), jobVariable).default({}) }))
    .default({}),
  wait: duration.prefault("10m"),
});

const interdependent = schema.pick({ images: true, jobs: true, lab: true, machines: true, network: true });

export interface ParseOptions {
  /** Where only this image is to be built, the others may still lack their secrets. */
  onlyImage?: string | undefined;
  /** The settings with a secret in them, whose values no message shows. */
  secret?: ReadonlySet<string>;
  /** The text of the stack's file, so that what YAML altered is found. */
  source?: string | undefined;
}

/**
 * Checks a stack's settings, given as the values below `piinit:`.
 * Throws a UserError that lists every fault with its config path and what would be right.
 */
export function parseSettings(
  given: Record<string, unknown>,
  stack: string,
  { onlyImage, secret = new Set(), source = "" }: ParseOptions = {},
): Settings {
  const raw = onlyImage === undefined ? given : withoutOthersSecrets(given, onlyImage);
  const result = schema.safeParse(raw, { error: describeIssue });
  const issues = result.error?.issues ?? [];
  const altered = alteredBySource(source, given);
  const faults = [
    ...altered,
    ...issues.map((issue) => issueFault(issue, raw, stack)).filter((fault) => !isOf(altered, fault)),
    ...protoFaults(raw),
    ...faultsBetweenSettings(raw),
  ];
  if (result.success && faults.length === 0) return result.data;
  throw faultsError(cantBeUsed(stack), faults, secret);
}

/** Whether something else was already found at the same place. */
function isOf(found: readonly Fault[], { path }: Fault): boolean {
  return found.some((other) => pathText(other.path) === pathText(path));
}

/** Gives the images that are not built a passphrase that opens nothing, where they have none. */
function withoutOthersSecrets(raw: Record<string, unknown>, onlyImage: string): Record<string, unknown> {
  const others = Object.entries(Object(raw.images)).filter(([name]) => name !== onlyImage);
  const filled = structuredClone(Object.fromEntries(others)) as Record<string, { roles?: { wifi?: object } } | null>;
  for (const image of Object.values(filled)) {
    if (image?.roles?.wifi) image.roles.wifi = { passphrase: "0".repeat(64), ...image.roles.wifi };
  }
  return { ...raw, images: { ...Object(raw.images), ...filled } };
}

/** Found also when other settings are at fault, so that everything is told at once. */
function faultsBetweenSettings({ images, jobs, lab, machines, network }: Record<string, unknown>): Fault[] {
  const result = interdependent.safeParse({ images, jobs, lab, machines, network });
  return result.success ? checkMachines(result.data) : [];
}

import { checkMachines } from "./checks.ts";
import { cantBeUsed, type Fault, faultsError, pathText } from "./faults.ts";
import { withStandIns } from "./schema/secrecy.ts";
import { type Settings, stackSchema } from "./schema/stack.ts";
import { describeIssue, issueFaults, protoFaults } from "./schema-faults.ts";
import { atItsText, longForms } from "./short-forms.ts";
import { alteredBySource } from "./source.ts";

const interdependent = stackSchema.pick({ images: true, jobs: true, lab: true, machines: true, network: true });

export interface ParseOptions {
  /** If only this image is built, the others may still lack their secrets. */
  onlyImage?: string | undefined;
  /** The settings that contain a secret; no message shows their values. */
  secret?: ReadonlySet<string>;
  /** The text of the stack's file, to find values that YAML altered. */
  source?: string | undefined;
}

/**
 * Checks a stack's settings, given as the values below `piinit:`.
 * Throws a UserError that lists every fault with its config path and what would be right.
 */
export function parseSettings(
  short: Record<string, unknown>,
  stack: string,
  { onlyImage, secret = new Set(), source = "" }: ParseOptions = {},
): Settings {
  const { settings: given, faults: ofTexts } = longForms(short);
  const raw = onlyImage === undefined ? given : withoutOthersSecrets(given, onlyImage);
  const result = stackSchema.safeParse(raw, { error: describeIssue });
  const issues = result.error?.issues ?? [];
  const found = [...alteredBySource(source, short), ...ofTexts];
  const faults = [
    ...found,
    ...issues
      .flatMap((issue) => issueFaults(issue, raw, stack))
      .map((fault) => atItsText(short, fault, stack))
      .filter((fault, index, all) => !isOf(found, fault) && !all.slice(0, index).some((one) => isSame(one, fault))),
    ...protoFaults(raw),
    ...faultsBetweenSettings(raw),
  ];
  if (result.success && faults.length === 0) return result.data;
  throw faultsError(cantBeUsed(stack), faults, secret);
}

/** What is wrong with the value at one path of the settings, whatever else they lack; undefined if it can be used. */
export function settingFault(given: Record<string, unknown>, path: readonly PropertyKey[]): string | undefined {
  const { error } = stackSchema.safeParse(given, { error: describeIssue });
  return error?.issues.find((issue) => pathText(issue.path) === pathText(path))?.message;
}

/** Whether something else was already found at the same place. */
function isOf(found: readonly Fault[], { path }: Fault): boolean {
  return found.some((other) => pathText(other.path) === pathText(path));
}

/** Two settings may come from one text. */
const isSame = (one: Fault, { path, reason }: Fault) => pathText(one.path) === pathText(path) && one.reason === reason;

/** Gives the images that are not built a secret from the documentation, where they lack one. */
function withoutOthersSecrets(raw: Record<string, unknown>, onlyImage: string): Record<string, unknown> {
  const images = Object.entries(Object(raw.images)).map(([name, image]) => [
    name,
    name === onlyImage ? image : withStandIns(image, ["images", name]),
  ]);
  return { ...raw, images: Object.fromEntries(images) };
}

/** Checked even if other settings are invalid, so that everything is reported at once. */
function faultsBetweenSettings({ images, jobs, lab, machines, network }: Record<string, unknown>): Fault[] {
  const result = interdependent.safeParse({ images, jobs, lab, machines, network });
  return result.success ? checkMachines(result.data) : [];
}

import { UserError } from "../lib/errors.ts";
import { holdsSecret } from "./schema/secrecy.ts";

/** Something in the settings that can't be, and why. */
export interface Fault {
  path: PropertyKey[];
  /** "must be …", or why the value can't be used. Reads on behind the value, and makes sense without it. */
  reason: string;
  /** What stands there, to be shown unless it is a secret or too long for a line. */
  value?: unknown;
  /** What else tells the value, for the end of the line: shown with the value only. */
  detail?: string;
}

export const cantBeUsed = (stack: string) =>
  `The settings of stack ${stack} (stacks/Pulumi.${stack}.yaml) can't be used:`;

/** Says every fault with its config path, one a line; values of the settings named as `secret` are left out. */
export function faultsError(headline: string, faults: readonly Fault[], secret: ReadonlySet<string>): UserError {
  return new UserError([headline, ...faults.map((fault) => `  ${faultLine(fault, secret)}`)].join("\n"));
}

/** "piinit:machines[1].mac  1234 must be a MAC address such as …". */
function faultLine({ path, reason, value, detail = "" }: Fault, secret: ReadonlySet<string>): string {
  const isPlain = typeof value === "object" || !(secret.has(String(path[0])) || holdsSecret(path));
  const shown = isPlain ? shownValue(value) : undefined;
  return `piinit:${pathText(path)}  ${shown === undefined ? reason : `${shown} ${reason}${detail}`}`;
}

/** The path as `pulumi config set --path` takes it. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (/[.[\]"]/.test(String(part))) return `[${JSON.stringify(part)}]`;
      return index === 0 ? String(part) : `.${String(part)}`;
    })
    .join("");
}

/** The reason where a secret is lacking; `path` as `./piinit secret` takes it. */
export const missingSecret = (path: string, stack: string): string =>
  `is missing; set it: ./piinit secret ${path} ${stack}`;

const longestShown = 80;

/** Undefined where there is nothing to show; a text of several lines may be a key or a whole file. */
function shownValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (value === null) return "an empty value";
  if (Array.isArray(value)) return "this list";
  if (typeof value === "object") return "this map";
  const text = String(value);
  if (text.length > longestShown || text.includes("\n")) return undefined;
  return text === "" || /["\s]/.test(text) ? JSON.stringify(text) : text;
}

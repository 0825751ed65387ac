import { UserError } from "../lib/errors.ts";
import { holdsSecret } from "./schema/secrecy.ts";

/** Something in the settings that can't be, and why. */
export interface Fault {
  path: PropertyKey[];
  /** "must be …", said of the value; or anything else that reads on behind the value, such as "is already that of pi1". */
  reason: string;
  /** What stands there, to be shown unless it is a secret or too long for a line. */
  value?: unknown;
}

export const cantBeUsed = (stack: string) =>
  `The settings of stack ${stack} (stacks/Pulumi.${stack}.yaml) can't be used:`;

/** Says every fault with its config path, one a line; values of the settings named as `secret` are left out. */
export function faultsError(headline: string, faults: readonly Fault[], secret: ReadonlySet<string>): UserError {
  return new UserError([headline, ...faults.map((fault) => `  ${faultLine(fault, secret)}`)].join("\n"));
}

/** "piinit:machines[1].mac  must be a MAC address such as …, not 1234". */
function faultLine({ path, reason, value }: Fault, secret: ReadonlySet<string>): string {
  const shown = secret.has(String(path[0])) || holdsSecret(path) ? undefined : shownValue(value);
  const said =
    shown === undefined ? reason : reason.startsWith("must ") ? `${reason}, not ${shown}` : `${shown} ${reason}`;
  return `piinit:${pathText(path)}  ${said}`;
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

const longestShown = 80;

function shownValue(value: unknown): string | undefined {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string" && (value === "" || /["\s]/.test(value))) return quoted(value);
  return value === undefined || String(value).length > longestShown ? undefined : String(value);
}

/** A text of several lines may be a key or a whole file: it isn't shown. */
function quoted(text: string): string | undefined {
  return text.includes("\n") || text.length > longestShown ? undefined : JSON.stringify(text);
}

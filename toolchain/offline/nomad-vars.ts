/** The kind of a variable in a job file. One without a type, or of type `any`, takes text. */
type Kind = "text" | "expression";

const textTypes = ["string", "number", "bool", "any"];

/**
 * Variables as HCL for Nomad's parser. Values of lists, maps and the like are expressions and stay as they are; all others
 * are quoted, and Nomad converts them to strings, numbers and booleans.
 */
export function variableFile(jobspec: string, vars: Record<string, string>): string {
  return Object.entries(vars)
    .map(([name, value]) => `${name} = ${kindOf(jobspec, name) === "expression" ? value : hclText(value)}\n`)
    .join("");
}

/** The variables that the job file declares. */
export function declared(jobspec: string): string[] {
  return [...jobspec.matchAll(/^[ \t]*variable\s+"?([\w-]+)"?\s*\{/gm)].map(([, name = ""]) => name);
}

/** The names that the job file doesn't declare. Nomad's parser would ignore them and so hide a misspelling. */
export function undeclared(jobspec: string, names: string[]): string[] {
  return names.filter((name) => kindOf(jobspec, name) === undefined);
}

function kindOf(jobspec: string, name: string): Kind | undefined {
  const literal = name.replace(/[^\w-]/g, "\\$&");
  const header = new RegExp(`^[ \\t]*variable\\s+"?${literal}"?\\s*\\{`, "m").exec(jobspec);
  if (!header) return undefined;
  const body = ownLines(jobspec.slice(header.index + header[0].length));
  const type = /\btype\s*=\s*(\w+)/.exec(body)?.[1] ?? "any";
  return textTypes.includes(type) ? "text" : "expression";
}

/** A block's own text up to its end, without strings, comments and nested blocks. */
function ownLines(rest: string): string {
  let depth = 1;
  let own = "";
  for (const part of rest.match(/"(?:\\.|[^"\\])*"|(?:#|\/\/)[^\n]*|\/\*.*?\*\/|./gs) ?? []) {
    if (part === "{") depth++;
    else if (part === "}" && --depth === 0) break;
    else if (depth === 1 && part.length === 1) own += part;
  }
  return own;
}

/** HCL has JSON's escapes; in addition, `${` and `%{` would begin an expression. */
function hclText(value: string): string {
  return JSON.stringify(value).replace(/([$%])\{/g, "$1$1{");
}

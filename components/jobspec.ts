/** What the program needs to know about a job's file before Nomad reads it. */
export interface Jobspec {
  /** From its `job "NAME"`; undefined if there is none. */
  name: string | undefined;
  /** Functions it calls that would read files where it is parsed; Nomad disables them. */
  fileFunctions: string[];
  /** It seems to ask Consul for something, and has no `consul` block that gives it an identity to do so. */
  lacksIdentity: boolean;
}

/** A template's functions that read Consul, where an action begins. */
const templateOfConsul =
  /\{\{-?\s*(?:(?:with|range|if|else if)\s+(?:\$\w+\s*:=\s*)?)?\(?\s*(?:key|keyOrDefault|keyExists|ls|safeLs|tree|safeTree|services?|nodes?|datacenters)\b/;
const commandOfConsul = /\bconsul (?:kv|catalog|event|lock|services|watch)\b|\bCONSUL_HTTP_/;
const consulBlock = /(?:\s+"[^"\n]*")?\s*\{/y;

const fileFunctions = ["abspath", "basename", "dirname", "file", "filebase64", "fileexists", "fileset", "pathexpand"];

const blank = /(?:\s|#.*|\/\/.*|\/\*[\s\S]*?\*\/)+/y;
const word = /[A-Za-z_][\w-]*/y;
const jobHeader = /\s+(?:"([^"\\\n]+)"|([A-Za-z_][\w-]*))\s*\{/y;
const call = /\s*\(/y;
const heredoc = /<<-?([A-Za-z_][\w-]*)[ \t]*\r?\n([\s\S]*?)^[ \t]*\1[ \t]*\r?$/my;

/** Scans a job's HCL without validating it, and ignores what is inside comments, strings and here-documents. */
export function readJobspec(text: string): Jobspec {
  const calls = new Set<string>();
  let name: string | undefined;
  let hasIdentity = false;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };

  /** Up to the brace that closes what is read, or to the end. */
  const readCode = (end = text.length): void => {
    for (let depth = 0; at < end; ) {
      if (take(blank)) continue;
      const here = at;
      const document = take(heredoc);
      const found = document ? null : take(word)?.[0];
      if (document) readTemplate(here + document[0].indexOf("\n") + 1, at);
      else if (found !== undefined && found !== null) readWord(found, depth);
      else if (text[at] === '"') readText();
      else {
        if (text[at] === "{") depth++;
        if (text[at] === "}" && depth-- === 0) return;
        at++;
      }
    }
  };

  const readWord = (found: string, depth: number): void => {
    if (fileFunctions.includes(found) && take(call)) calls.add(found);
    if (found === "consul" && depth > 0 && take(consulBlock)) {
      hasIdentity = true;
      at--;
    }
    const header = found === "job" && depth === 0 ? take(jobHeader) : null;
    if (!header) return;
    name ??= header[1] ?? header[2];
    at--; // The brace counts like any other.
  };

  /** From one quotation mark behind the other. */
  const readText = (): void => {
    at++;
    while (at < text.length && text[at] !== '"') {
      if (text[at] === "\\") at += 2;
      else readPart();
    }
    at++;
  };

  const readTemplate = (begin: number, end: number): void => {
    at = begin;
    while (at < end) readPart();
    at = end;
  };

  /** One character of a text, or an expression in it: `${…}`; `$${` is no expression. */
  const readPart = (): void => {
    const opens = /^[$%]/.test(text[at] ?? "") && text[at + 1] === "{";
    const isEscaped = opens && text[at - 1] === text[at];
    at += opens ? 2 : 1;
    if (!opens || isEscaped) return;
    readCode();
    at++;
  };

  readCode();
  const usesConsul = templateOfConsul.test(text) || commandOfConsul.test(text);
  return { name, fileFunctions: [...calls], lacksIdentity: usesConsul && !hasIdentity };
}

/** A value as the HCL expression that a variable of type list, map or object takes. */
export function hclExpression(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(/[$%](?=\{)/g, (sign) => sign + sign)
    .replaceAll(/\\./g, (escaped) => ({ "\\b": "\\u0008", "\\f": "\\u000c" })[escaped] ?? escaped);
}

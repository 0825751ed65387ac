/** Splits a command line into words as a shell does, with quotes and backslashes. */
export function splitWords(line: string): string[] {
  const words = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
      (_all, single?: string, double?: string, escaped?: string) =>
        single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? "",
    ),
  );
}

/** Command-line options in the given order: a string becomes two words, `true` a flag; empty, false and undefined are omitted. */
export function runnerArguments(options: Record<string, string | boolean | undefined>): string[] {
  return Object.entries(options)
    .filter(([, value]) => value)
    .flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
}

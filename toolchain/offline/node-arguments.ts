/** The words of a command line as a shell would split them: blanks separate, quotes and backslashes keep together. */
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

/** Options in the order given: a text becomes two words, true a flag; empty, false and undefined are left out. */
export function runnerArguments(options: Record<string, string | boolean | undefined>): string[] {
  return Object.entries(options)
    .filter(([, value]) => value)
    .flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
}

/** "a, b or c". */
export function anyOf(words: readonly string[]): string {
  const [last = "", ...others] = words.toReversed();
  return others.length > 0 ? `${others.toReversed().join(", ")} or ${last}` : last;
}

/** The known word that was probably meant, if it differs by one or two typing errors. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3));
  const ranked = [...known]
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** "; did you mean `prometheus`?", or nothing. */
export function suggestion(word: unknown, known: Iterable<string>): string {
  const meant = typeof word === "string" ? nearest(word, known) : undefined;
  return meant === undefined || meant === word ? "" : `; did you mean \`${meant}\`?`;
}

/** The number of letters that are missing, extra, wrong or swapped. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row++) {
    rows.push([row]);
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(a.length, b.length);
}

/** A text as lines of up to that many characters, unless a word is longer. */
export function folded(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.pop();
    const joined = last === undefined ? word : `${last} ${word}`;
    if (last === undefined || joined.length <= width) lines.push(joined);
    else lines.push(last, word);
  }
  return lines;
}

/** Rows of cells as lines, each column as wide as its widest cell. */
export function columns(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/**
 * The same, but no line is longer than `width`: the longest cells of the first elastic column are cut off, to no less than
 * `least` characters, then those of the next.
 */
export function columnsWithin(
  width: number,
  rows: readonly string[][],
  elastic: readonly (readonly [column: number, least: number])[],
): string[] {
  const lines = columns(rows);
  const excess = Math.max(...lines.map((line) => line.length)) - width;
  const [first, ...others] = elastic;
  if (excess <= 0 || first === undefined) return lines;
  const [column, least] = first;
  const longest = Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const most = Math.max(least, longest - excess);
  const shorter = rows.map((row) => row.map((cell, index) => (index === column ? cut(cell, most) : cell)));
  return columnsWithin(width, shorter, others);
}

const cut = (cell: string, most: number) => (cell.length > most ? `${cell.slice(0, most - 1)}…` : cell);

/** The indexes that an answer such as "1 3" names, each once; undefined if it has anything else, or nothing. */
export function parseChoice(answer: string, count: number): number[] | undefined {
  const words = answer.split(/[\s,]+/).filter(Boolean);
  const numbers = words.map((word) => (/^\d+$/.test(word) ? Number(word) : 0));
  if (numbers.length === 0 || numbers.some((number) => number < 1 || number > count)) return undefined;
  return [...new Set(numbers)].map((number) => number - 1);
}

/** A text of another program without what moves a terminal's cursor or colours it. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  text.replace(/\x1b\[[0-?]*[ -/]*[@-~]|[^\P{C}\n\t]/gu, "");

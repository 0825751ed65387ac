/** Quotes one word for a POSIX shell; the only place where shell strings are made. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line that can be pasted into a shell. */
export function quoteCommand(program: string, args: readonly string[]): string {
  return [program, ...args].map(quote).join(" ");
}

const unwanted: Readonly<Record<string, RegExp>> = {
  "a stack trace": /^\s+at (?:async )?\S+ ?\(|^\s+at (?:async )?(?:file:|node:|\/)/m,
  "an exception's name": /\b[A-Z]\w*(?:Error|Exception)\b(?=:| \[)|\bERR_[A-Z_]+|\bUnhandled/,
  "a bug that the program itself reports": /a bug of piinit/,
  "a failure of Pulumi": /^panic:|goroutine \d+ \[|internal error/im,
  "the schema library's words":
    /Invalid (?:input|key|option|element|value|string|ISO|discriminator)|expected \w+, received|Unrecognized key|Too (?:small|big):|\[object |\bundefined\b/,
  "Node's warnings": /\(node:\d+\)/,
};

/** What a user should not have to read, with the line that has it; undefined if there is nothing of the kind. */
export function machineryIn(output: string): string | undefined {
  for (const [what, pattern] of Object.entries(unwanted)) {
    const match = pattern.exec(output);
    if (!match) continue;
    const line = output.slice(output.lastIndexOf("\n", match.index) + 1).split("\n", 2);
    return `${what}: ${line.join(" ").trim().slice(0, 200)}`;
  }
  return output.includes("\u001b") ? "control characters" : undefined;
}

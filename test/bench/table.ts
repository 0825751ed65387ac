/** One line of the table: what was done, what it may cost at most, and what it cost. */
export interface Row {
  what: string;
  /** Of both figures: "s", "CPU s", "MiB", "times". */
  unit: string;
  /** Undefined for what is only there to compare with. */
  goal?: number;
  measured: number;
}

/** The rows as a Markdown table. */
export function tableOf(rows: readonly Row[]): string {
  return [
    "| What | Measured | Goal: at most |",
    "|---|---|---|",
    ...rows.map(({ what, unit, goal, measured }) => {
      const limit = goal === undefined ? "" : `${Number(goal.toFixed(2))} ${unit}`;
      return `| ${what} | ${measured.toFixed(unit === "MiB" ? 0 : unit === "times" ? 2 : 1)} ${unit} | ${limit} |`;
    }),
    "",
  ].join("\n");
}

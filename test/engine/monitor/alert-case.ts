/** When an alert comes, and when it doesn't. */
export interface Case {
  alert: string;
  title: string;
  /** What Prometheus has read once a minute, in promtool's notation: "1 0x9" is 1, and then ten times 0. */
  series: Readonly<Record<string, string>>;
  /** When it looks. */
  minutes: number;
  fires: readonly { labels: Readonly<Record<string, string>>; says: string }[];
  /** The same look at something else, by what that is. */
  not: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

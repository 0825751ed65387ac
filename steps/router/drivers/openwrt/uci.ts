/** A section of a configuration that OpenWrt's uci keeps. */
export interface Section {
  /** Its name; "@host[0]" for the first host without one, which changes when sections come and go. */
  name: string;
  type: string;
  /** The values of each option; a list has several. */
  options: ReadonlyMap<string, readonly string[]>;
}

/** What `uci show CONFIG` prints. A value may have line breaks and quotes. */
export function parseShow(text: string): Section[] {
  const sections = new Map<string, { type: string; options: Map<string, string[]> }>();
  const assignment = /^[\w-]+\.([^\s.=]+)(?:\.([^\s=]+))?=((?:'(?:[^']|'\\'')*' ?)+|.*)$/gm;
  for (const [, name = "", option, value = ""] of text.matchAll(assignment)) {
    if (option === undefined) sections.set(name, { type: unquoted(value), options: new Map() });
    else sections.get(name)?.options.set(option, valuesIn(value));
  }
  return [...sections].map(([name, section]) => ({ name, ...section }));
}

function valuesIn(value: string): string[] {
  return (value.match(/'(?:[^']|'\\'')*'/g) ?? []).map(unquoted);
}

const unquoted = (value: string): string => value.replace(/^'(.*)'$/s, "$1").replaceAll("'\\''", "'");

/** The option's value; the first one of a list, and undefined where there is none. */
export const firstOf = ({ options }: Section, option: string): string | undefined => options.get(option)?.[0];

/** Whether a boolean option is on, in any of the spellings that OpenWrt's scripts take. */
export function isOn(section: Section, option: string, preset: boolean): boolean {
  const value = firstOf(section, option);
  if (value === undefined) return preset;
  return ["1", "on", "true", "yes", "enabled"].includes(value);
}

/** The options that differ or are missing in a section, or all of them if there is no such section. */
export function setLines(
  config: string,
  name: string,
  type: string,
  options: Readonly<Record<string, string>>,
  there: Section | undefined,
): string[] {
  const differing = Object.entries(options).filter(
    ([option, value]) => there?.options.get(option)?.join("\n") !== value,
  );
  return [
    ...(there ? [] : [`set ${config}.${name}=${type}`]),
    ...differing.map(([option, value]) => `set ${config}.${name}.${option}=${value}`),
  ];
}

/** The document with the section of that name, put in its place or added at the end. */
export function withSection(document: string, name: string, text: string): string {
  const [head = "", ...sections] = document.split(/^(?=## )/m);
  const section = `## ${name}\n\n${text.trimEnd()}\n`;
  const isIt = (one: string) => one.startsWith(`## ${name}\n`);
  const others = sections.some(isIt) ? sections.map((one) => (isIt(one) ? section : one)) : [...sections, section];
  return `${[head, ...others].map((one) => one.trimEnd()).join("\n\n")}\n`;
}

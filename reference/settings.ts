import { stringify } from "yaml";
import { formsOf, partsOf, type Shape } from "../components/schema/json-schema.ts";
import { askedSettings } from "../components/short-forms.ts";
import { anyOf } from "../lib/words.ts";
import { table } from "./tables.ts";

const introduction = `<!-- Made by \`npm run docs\` from the schema of the settings: change it there. -->
# Settings

A stack's settings are in \`stacks/Pulumi.STACK.yaml\`, below \`config\`, each with the prefix \`piinit:\`. Paths are written as messages
show them and as \`./piinit secret PATH STACK\` takes them: \`NAME\` is a name that you choose, \`[]\` a position such as \`[0]\`. Editors
with a YAML language server complete and check the file, whose first line names its schema.

Set what is marked **secret** with \`./piinit secret\`; no message shows it. What is marked *can be* is a secret if you set it that way.
`;

/** docs/settings.md: every setting, a section for each that stands below \`piinit:\`. */
export function settingsReference(shape: Shape): string {
  const sections = partsOf(shape).map(([name, part]) => section(name, part, shape.required?.includes(name) ?? false));
  return [introduction, ...sections, asked].join("\n");
}

const asked = `## What \`pulumi new\` asks for

A stack that \`pulumi new\` made has these texts in place of maps; an empty one says nothing. To set more than they can, write
the maps in full and remove the texts that stand for them.

${table(
  ["Setting", "Meaning"],
  Object.entries(askedSettings).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}`;

const headings = ["Setting", "Value", "Default", "Example", "Secret", "Meaning"];

function section(name: string, shape: Shape, isRequired: boolean): string {
  const [own = [], ...below] = rowsOf({ path: name, forms: [shape], isRequired, condition: "" });
  const description = below.length > 0 ? `${isRequired ? "Required. " : ""}${shape.description}\n\n` : "";
  return `## \`piinit:${name}\`\n\n${description}${table(headings, below.length > 0 ? below : [own])}`;
}

interface Setting {
  path: string;
  forms: Shape[];
  isRequired: boolean;
  /** Of the forms of the map that it is in, the one that has it, e.g. " Only with `kind: dnsmasq`." */
  condition: string;
}

/** The setting's row, and those of everything below it. */
function rowsOf({ path, forms, isRequired, condition }: Setting): string[][] {
  const [{ description = "", example, secret, default: preset } = {} as Shape] = forms;
  const own = [
    `\`${path}\``,
    anyOf([...new Set(forms.flatMap(formsOf).flatMap(wordsOf))]),
    isRequired ? "required" : preset === undefined ? "" : yaml(preset),
    example === undefined ? "" : yaml(example),
    secret === undefined ? "" : secret === "always" ? "**secret**" : "*can be*",
    `${description}${condition}`,
  ];
  const below = settingsBelow(path, forms).flatMap(rowsOf);
  return description === "" ? below : [own, ...below];
}

function settingsBelow(path: string, shapes: readonly Shape[]): Setting[] {
  const forms = shapes.flatMap(formsOf).filter((form) => partsOf(form).length > 0);
  const keys = [...new Set(forms.flatMap((form) => partsOf(form).map(([key]) => key)))];
  return keys.flatMap((key) => {
    const having = forms.filter((form) => partsOf(form).some(([name]) => name === key));
    const partOf = (form: Shape) => partsOf(form).flatMap(([name, part]) => (name === key ? [part] : []));
    return groupsOf(having, (form) => partOf(form).map(saysOf).join()).map((group) => ({
      path: key !== "*" ? `${path}.${key}` : group.some(({ items }) => items) ? `${path}[]` : `${path}.NAME`,
      forms: group.flatMap(partOf),
      isRequired: group.every(({ required = [] }) => required.includes(key)),
      condition: group.length < forms.length ? ` Only with ${anyOf(group.map(constantOf))}.` : "",
    }));
  });
}

/** What a row says of a setting beside its values: forms that say the same share one. */
const saysOf = ({ description, default: preset, secret }: Shape) => JSON.stringify([description, preset, secret]);

function groupsOf<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups.values()];
}

/** What tells a form from others: "`kind: dnsmasq`". */
function constantOf({ properties = {} }: Shape): string {
  return (
    Object.entries(properties).flatMap(([key, part]) => ("const" in part ? [`\`${key}: ${part.const}\``] : []))[0] ?? ""
  );
}

/** What a form of a setting is, in words. */
function wordsOf(form: Shape): string[] {
  const { type, enum: values, items, additionalProperties, minimum, maximum } = form;
  if ("const" in form) return [`\`${form.const}\``];
  if (values) return values.map((value) => `\`${value}\``);
  if (Array.isArray(type)) return type.flatMap((one) => wordsOf({ type: one }));
  if (type === "string") return ["text"];
  if (type === "boolean") return ["`true`", "`false`"];
  if (type === "number") return ["number"];
  if (type === "integer") return [`whole number${rangeOf(minimum, maximum)}`];
  if (type === "array") return [items && wordsOf(items)[0] === "text" ? "list of texts" : "list"];
  if (type === "object") return [typeof additionalProperties === "object" ? "map by name" : "map"];
  return (form.anyOf ?? []).flatMap(wordsOf);
}

function rangeOf(minimum: number | undefined, maximum: number | undefined): string {
  const isBound = (limit: number | undefined) =>
    limit !== undefined && Number.isSafeInteger(limit) && Math.abs(limit) < 2 ** 31;
  if (isBound(minimum)) return isBound(maximum) ? `, ${minimum} to ${maximum}` : `, ${minimum} or more`;
  return isBound(maximum) ? `, ${maximum} or less` : "";
}

/** As it would stand in a stack's file, on one line. */
function yaml(value: unknown): string {
  const options = {
    version: "1.1",
    collectionStyle: "flow",
    flowCollectionPadding: false,
    blockQuote: false,
    lineWidth: 0,
  } as const;
  return `\`${stringify(value, options).trim()}\``;
}

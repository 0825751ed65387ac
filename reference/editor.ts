import type { Shape } from "../components/schema/json-schema.ts";
import { askedSettings } from "../components/short-forms.ts";

/** What Pulumi makes of a value that was set with `--secret`. */
const encrypted = {
  type: "object",
  properties: { secure: { type: "string", description: "An encrypted value: set it with ./piinit secret." } },
  required: ["secure"],
  additionalProperties: false,
};

/** stacks/schema.json: what editors may complete and check in a stack's file. Other plugins' settings are not ours to judge. */
export function stackFileSchema({ $schema, properties = {}, required = [], definitions }: Shape): object {
  const names = [...new Set([...Object.keys(properties), ...Object.keys(askedSettings)])];
  return {
    $schema,
    title: "A stack of piinit",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(names.map((name) => [`piinit:${name}`, settingFor(name, properties[name])])),
        patternProperties: { [`^piinit:(?!(${names.join("|")})$)`]: false },
        required: required.map((name) => `piinit:${name}`),
      },
    },
    required: ["config"],
    definitions,
  };
}

/** What `pulumi new` asks for is a text; some of these may also be a map. */
function settingFor(name: string, shape: Shape | undefined): unknown {
  const description = askedSettings[name];
  const asked = description === undefined ? [] : [{ type: "string", description: withoutLinks(description) }];
  const [only, ...others] = [...(shape ? [forEditor(shape)] : []), ...asked, ...(shape ? [] : [encrypted])];
  return others.length > 0 ? { anyOf: [only, ...others] } : only;
}

/** A schema without what only we make of it, and with Pulumi's form of a secret. */
function forEditor(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forEditor);
  if (typeof value !== "object" || value === null) return value;
  const { secret, example, description, ...shape } = value as Shape;
  const own = {
    ...(description !== undefined && { description: withoutLinks(description) }),
    ...(example !== undefined && { examples: [example] }),
  };
  const plain = Object.fromEntries(
    Object.entries(shape)
      .filter(([, part]) => Math.abs(Number(part)) !== Number.MAX_SAFE_INTEGER)
      .map(([key, part]) => [key, key === "default" || key === "enum" ? part : forEditor(part)]),
  );
  return secret === undefined ? { ...own, ...plain } : { ...own, anyOf: [plain, encrypted] };
}

const withoutLinks = (text: string) => text.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1");

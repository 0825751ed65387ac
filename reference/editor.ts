import type { Shape } from "../components/schema/json-schema.ts";

/** What Pulumi makes of a value that was set with `--secret`. */
const encrypted = {
  type: "object",
  properties: { secure: { type: "string", description: "An encrypted value: set it with ./piinit secret." } },
  required: ["secure"],
  additionalProperties: false,
};

/** stacks/schema.json: what editors may complete and check in a stack's file. Other plugins' settings are not ours to judge. */
export function stackFileSchema({ $schema, properties = {}, required = [], definitions }: Shape): object {
  const names = Object.keys(properties);
  return {
    $schema,
    title: "A stack of piinit",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(
          names.map((name) => [`piinit:${name}`, orText(name, forEditor(properties[name]))]),
        ),
        patternProperties: { [`^piinit:(?!(${names.join("|")})$)`]: false },
        required: required.map((name) => `piinit:${name}`),
      },
    },
    required: ["config"],
    definitions,
  };
}

/** Some settings may be a text, which is all that `pulumi new` can ask for. */
function orText(name: string, schema: unknown): unknown {
  const description = texts[name];
  return description === undefined ? schema : { anyOf: [schema, { type: "string", description }] };
}

const texts: Partial<Record<string, string>> = {
  network: "The network's CIDR.",
  images: "The board of the servers, which is all that there is then.",
  machines: "The servers' MAC addresses, separated by spaces.",
};

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

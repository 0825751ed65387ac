import { formsOf, type Shape, shapesAt } from "./json-schema.ts";

/** What the settings of a router of that kind may be; undefined if there is no such kind. */
export const routerShape = (kind: string): Shape | undefined =>
  shapesAt(["network", "router"])
    .flatMap(formsOf)
    .find(({ properties }) => properties?.kind?.const === kind);

/** A setting that was typed, as what it must be; as it is where it can't be that. */
export function typedAs({ type }: Shape, text: string): unknown {
  if (type === "boolean") return /^(true|yes)$/i.test(text) ? true : /^(false|no)$/i.test(text) ? false : text;
  return type === "integer" && /^\d+$/.test(text) ? Number(text) : text;
}

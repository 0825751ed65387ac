import { z } from "zod";
import { stackSchema } from "./stack.ts";

/** A JSON Schema, as far as those of the settings go, with what `.meta` says of a setting. */
export interface Shape extends z.GlobalMeta {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  default?: unknown;
  properties?: Record<string, Shape>;
  required?: string[];
  additionalProperties?: Shape | boolean;
  items?: Shape;
  anyOf?: Shape[];
  oneOf?: Shape[];
}

let shape: Shape | undefined;

/** What a stack's settings may be, before defaults are filled in. Made when it is first needed: most runs don't. */
export function settingsShape(): Shape {
  shape ??= z.toJSONSchema(stackSchema, { io: "input", target: "draft-7", override: addShortForm }) as Shape;
  return shape;
}

/** A preprocessing step that takes a short form has no schema of its own. */
function addShortForm({ jsonSchema }: { jsonSchema: object }): void {
  const { shortFor, description, ...long } = jsonSchema as Shape;
  const short = shortFor === undefined ? undefined : long.properties?.[shortFor];
  if (!short) return;
  for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
  Object.assign(jsonSchema, { description, anyOf: [short, long] });
}

/** A shape itself, or each form that it may have. */
export const formsOf = ({ anyOf, oneOf, ...rest }: Shape): Shape[] => [rest, ...(anyOf ?? oneOf ?? [])];

/** The shapes that are one step below a shape, by their key; `*` stands for any key, or any place in a list. */
export function partsOf(shape: Shape): [key: string, part: Shape][] {
  return formsOf(shape).flatMap(({ properties, additionalProperties, items }) => [
    ...Object.entries(properties ?? {}),
    ...(typeof additionalProperties === "object" ? [["*", additionalProperties] as [string, Shape]] : []),
    ...(items ? [["*", items] as [string, Shape]] : []),
  ]);
}

/** What may stand at a key, or a place in a list, of something that has one of these shapes. */
export function shapesBelow(shapes: readonly Shape[], key: PropertyKey): Shape[] {
  return shapes.flatMap((shape) => {
    const parts = partsOf(shape);
    const named = parts.filter(([name]) => name === key);
    return (named.length > 0 ? named : parts.filter(([name]) => name === "*")).map(([, part]) => part);
  });
}

/** The shapes of what stands at a path of the settings: several where it may have several forms. */
export const shapesAt = (path: readonly PropertyKey[]): Shape[] =>
  path.reduce<Shape[]>((shapes, key) => shapesBelow(shapes, key), [settingsShape()]);

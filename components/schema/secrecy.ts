import { formsOf, partsOf, type Shape, shapesAt, shapesBelow } from "./json-schema.ts";

/** Whether the setting at that path is always a secret. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  return shapesAt(path).some((shape) => shape.secret === "always");
}

/** Whether a secret is or should be there, or below: what was written in its place may be the secret itself. */
export function holdsSecret(path: readonly PropertyKey[]): boolean {
  const holds = (shape: Shape): boolean => shape.secret === "always" || partsOf(shape).some(([, part]) => holds(part));
  return shapesAt(path).some(holds);
}

/** Settings in which each missing secret has the example of the documentation. */
export function withStandIns(value: unknown, path: readonly PropertyKey[]): unknown {
  return fill(value, shapesAt(path));
}

function fill(value: unknown, shapes: readonly Shape[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item, index) => fill(item, shapesBelow(shapes, index)));
  const standIns = shapes.flatMap(formsOf).flatMap(({ required = [], properties = {} }) =>
    required.flatMap((key) => {
      const { secret, example } = properties[key] ?? {};
      return secret === "always" ? [[key, example] as const] : [];
    }),
  );
  const given = Object.entries(value).map(([key, part]) => [key, fill(part, shapesBelow(shapes, key))] as const);
  return Object.fromEntries([...standIns, ...given]);
}

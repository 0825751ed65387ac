import type { Settings } from "./schema/stack.ts";

/** What to do with a machine that does not answer; NAME and IMAGE stand for its own. */
export function remedy(stack: string, { lab }: Settings): string {
  const option = stack === "lab" ? "" : ` --stack ${stack}`;
  return lab
    ? `see \`./piinit lab console NAME${option}\`; \`./piinit lab start NAME${option}\` starts it`
    : `check its power and its network cable, or burn its card (\`./piinit burn IMAGE ${stack}\`); then run up again`;
}

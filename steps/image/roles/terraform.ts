import { defineRole, onOff } from "../manifest/contribution.ts";

/** The program terraform, for who works on the machine itself. */
export const terraform = defineRole({
  schema: onOff.meta({ description: "The program `terraform`.", example: true }),
  program: "terraform",
  row: { options: "`true`" },
  contribute: () => ({}),
});

import { tools } from "../../../toolchain/versions.ts";
import { defineRole, onOff } from "../manifest/contribution.ts";

/** The program terraform, for who works on the machine itself. */
export const terraform = defineRole({
  schema: onOff.meta({ description: "The program `terraform`.", example: true }),
  row: { options: "`true`" },
  contribute: () => ({
    programs: [{ name: "terraform", version: tools.terraform.version, path: "/usr/local/bin/terraform" }],
  }),
});

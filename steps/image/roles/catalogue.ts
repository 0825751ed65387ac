import { z } from "zod";
import type { ToolName } from "../../../toolchain/versions.ts";
import type { Role } from "../manifest/contribution.ts";
import { alertmanager } from "./alertmanager.ts";
import { consul } from "./consul.ts";
import { dnsmasq } from "./dnsmasq.ts";
import { nodeExporter } from "./node-exporter.ts";
import { nomad } from "./nomad.ts";
import { prometheus } from "./prometheus.ts";
import { ssh } from "./ssh.ts";
import { terraform } from "./terraform.ts";
import { wifi } from "./wifi.ts";

/** All roles by their name in the settings. A new role is a file, and a line here. */
export const roles = {
  consul,
  nomad,
  dnsmasq,
  "node-exporter": nodeExporter,
  prometheus,
  alertmanager,
  ssh,
  terraform,
  wifi,
};

type Roles = typeof roles;
export type RoleName = keyof Roles;

const roleNames = Object.keys(roles) as RoleName[];
const hasDefault = (name: RoleName) => roles[name].schema instanceof z.ZodDefault;

export const rolesOfEveryImage = roleNames.filter(hasDefault);

/** A role with a default is in every image, any other only where it is named. */
type InSettings<Schema extends z.ZodType> = Schema extends z.ZodDefault ? Schema : z.ZodOptional<Schema>;

/** An image's roles in the settings. */
export const rolesSchema = z.strictObject(
  Object.fromEntries(
    roleNames.map((name) => [name, hasDefault(name) ? roles[name].schema : roles[name].schema.optional()]),
  ) as {
    [Name in RoleName]: InSettings<Roles[Name]["schema"]>;
  },
);

/** The roles of one image with their options. */
export type RoleOptions = Partial<z.output<typeof rolesSchema>>;

/** The roles that an image has, in the order of its settings. */
export function rolesOf(options: RoleOptions): { name: RoleName; role: Role<z.ZodType>; options: unknown }[] {
  const names = Object.keys(options) as RoleName[];
  return names.flatMap((name) =>
    options[name] === undefined ? [] : [{ name, role: roles[name] as Role<z.ZodType>, options: options[name] }],
  );
}

/** The programs that these roles install. Ignores names that are no role. */
export function programsOfRoles(options: object): ToolName[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const role: Role<z.ZodType> | undefined = Object.hasOwn(roles, name) ? roles[name as RoleName] : undefined;
    return value !== undefined && role?.program ? [role.program] : [];
  });
}

import { z } from "zod";
import { kind } from "../../base/driver.ts";
import { sshLogin } from "../../base/ssh-login.ts";
import { fitsUrl, webSettings } from "../../base/web.ts";
import type { HttpSettings } from "./http.ts";
import { type SshSettings, usualSocket } from "./ssh.ts";

const { url, fingerprint } = webSettings("https://192.168.2.1:8000");

/** Either of the two ways in has these to itself. */
const onlyWith = {
  url: ["fingerprint", "password"],
  host: ["port", "hostKey", "keyFile", "socket"],
} as const;

const settings = z.strictObject({
  kind: z.literal("kea").meta(kind),
  url: url.optional().meta({
    description:
      "The address of its HTTP socket or control agent; with `http:`, the password crosses the network in clear. Otherwise set `host`.",
    example: "https://192.168.2.1:8000",
  }),
  fingerprint,
  host: sshLogin.host.optional().meta({
    description: "The name or address of Kea's machine, as `ssh` takes it, if Kea is reached by its UNIX socket there.",
    example: "192.168.2.1",
  }),
  port: sshLogin.port
    .unwrap()
    .optional()
    .meta({ description: "The port of its SSH server, if not 22.", example: 2222 }),
  user: z
    .string()
    .regex(/^[^:\r\n]+$/, "must be a user name without a colon")
    .optional()
    .meta({
      description:
        "With `url`, the user of its `authentication`, if it has one; with `host`, the user to log in as, if not `root`.",
      example: "admin",
    }),
  hostKey: sshLogin.hostKey,
  keyFile: sshLogin.keyFile,
  socket: z
    .string()
    .regex(
      /^\/[\w./-]+$/,
      `must be an absolute path of letters, digits, dots, hyphens and underscores, such as ${usualSocket}`,
    )
    .optional()
    .meta({
      description: `The UNIX socket of Kea's \`control-socket\`, if not \`${usualSocket}\`.`,
      example: "/run/kea/dhcp4.sock",
    }),
  password: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "With `url`, that user's password.", example: "correct horse", secret: "always" }),
  persist: z.boolean().meta({
    description:
      "Whether Kea writes its configuration file anew after a change, without comments; otherwise it forgets the reservations when it starts again.",
    example: true,
  }),
});

/** Settings of a Kea, reached by HTTP (`url`) or by SSH (`host`), never both. */
export const schema = settings.superRefine((given, { addIssue }) => {
  const refuse = (key: string, message: string) => addIssue({ code: "custom", path: [key], message, input: given });
  if (given.url === undefined && given.host === undefined)
    return refuse("url", "must be set, or else host, for Kea's UNIX socket over SSH");
  if (given.url !== undefined && given.host !== undefined)
    return refuse("host", "must be left out with url: Kea is reached by HTTP or by SSH, not by both");
  const way = given.url === undefined ? "host" : "url";
  for (const key of onlyWith[way === "url" ? "host" : "url"])
    if (given[key] !== undefined) refuse(key, `must be left out with ${way}`);
  const [isRight, { path, error }] = fitsUrl;
  if (given.url !== undefined && !isRight({ ...given, url: given.url })) refuse(String(path[0]), error);
  if (way === "host" && given.user !== undefined && !sshLogin.user.safeParse(given.user).success)
    refuse("user", "must be a user name, such as root");
});
export type KeaSettings = z.output<typeof schema>;

/** The way to Kea; the schema lets settings with one pass only. */
export function wayOf(given: KeaSettings): { http: HttpSettings } | { ssh: SshSettings } {
  return given.url === undefined ? { ssh: given as SshSettings } : { http: given as HttpSettings };
}

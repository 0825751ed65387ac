import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import type { Lease } from "../../base/driver.ts";
import { NotLetIn, openWeb, Refusal, type WebServer } from "../../base/web.ts";
import { type Configuration, configuration } from "./config.ts";

export interface KeaSettings extends WebServer {
  user?: string | undefined;
  password?: string | undefined;
}

/** Kea's DHCP server, by its own HTTP socket or by the control agent. */
export interface Kea {
  /** For messages. */
  title: string;
  /** Carries out a command. @throws UserError with Kea's reason */
  order(command: string, given?: object): Promise<void>;
  config(): Promise<Configuration>;
  /** The names of the commands that it knows. */
  commands(): Promise<Set<string>>;
  /** Current leases in these subnets; needs the command `lease4-get-all`. */
  leases(subnetIds: readonly number[]): Promise<Lease[]>;
}

const answers = z
  .array(z.looseObject({ result: z.int(), text: z.string().default(""), arguments: z.unknown().optional() }))
  .min(1);
const configAnswer = z.looseObject({ Dhcp4: z.unknown() });
const leaseAnswer = z.looseObject({
  leases: z.array(
    z.looseObject({
      "ip-address": z.string(),
      "hw-address": z.string(),
      hostname: z.string().default(""),
      cltt: z.int(),
      "valid-lft": z.int(),
      state: z.int(),
    }),
  ),
});

const nothingFound = 3;

export function openKea(settings: KeaSettings, signal: AbortSignal): Kea {
  const title = `Kea at ${settings.url}`;
  const web = openWeb("Kea", settings, signal);
  const { user, password } = settings;
  const login = user === undefined ? undefined : Buffer.from(`${user}:${password ?? ""}`).toString("base64");
  const ask = async (command: string, given?: object) => {
    const [answer] = await web
      .ask({
        method: "POST",
        path: "/",
        headers: login === undefined ? {} : { authorization: `Basic ${login}` },
        // The control agent would answer for itself without the service; Kea 3's own socket ignores it.
        body: { command, service: ["dhcp4"], ...(given && { arguments: given }) },
        schema: answers,
      })
      .catch((error) => {
        if (error instanceof Refusal && error.status === 401) throw new NotLetIn(notLetIn(title, user));
        throw error;
      });
    if (!answer) throw new UserError(`${title} gives an empty answer to ${command}`);
    if (answer.result !== 0 && answer.result !== nothingFound)
      throw new UserError(`${title} refuses ${command}: ${readable(answer.text)}`);
    return answer;
  };
  const read = async <T>(schema: z.ZodType<T>, command: string, given?: object): Promise<T> => {
    const result = schema.safeParse((await ask(command, given)).arguments);
    if (result.success) return result.data;
    throw new UserError(`${title} gives an answer to ${command} that is none of Kea's DHCP server for IPv4`);
  };
  return {
    title,
    order: async (command, given) => {
      await ask(command, given);
    },
    async config() {
      // Kea's own sum of it, which `config-set` refuses.
      const { hash: _, ...rest } = await read(configAnswer, "config-get");
      const result = configuration.safeParse(rest);
      if (result.success) return result.data;
      throw new UserError(`${title} has a configuration without a right ${result.error.issues[0]?.path.join(".")}`);
    },
    commands: async () => new Set(await read(z.array(z.string()), "list-commands")),
    async leases(subnetIds) {
      const { result, arguments: found } = await ask("lease4-get-all", { subnets: subnetIds });
      if (result === nothingFound) return [];
      const { data } = leaseAnswer.safeParse(found);
      return (data?.leases ?? [])
        .filter(({ state }) => state === 0)
        .map((lease) => ({
          mac: lease["hw-address"].toLowerCase(),
          ip: lease["ip-address"],
          name: lease.hostname,
          expires: lease.cltt + lease["valid-lft"],
        }));
    },
  };
}

function notLetIn(title: string, user: string | undefined): string {
  return user === undefined
    ? `${title} wants a user and a password: set router.user and router.password`
    : `${title} does not let ${user} in with that password: correct router.user and router.password`;
}

/** Untrusted text in one line of bounded length. */
function readable(text: string): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, 300) || "without a reason";
}

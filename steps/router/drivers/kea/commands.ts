import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import type { Lease } from "../../base/driver.ts";
import { type Answer, type Channel, type Command, isEnd, isRefusal, noAnswerOfKea, nothingFound } from "./channel.ts";
import { type Configuration, configuration } from "./config.ts";

/** Kea's DHCP server. */
export interface Kea {
  /** For messages. */
  title: string;
  /** Carries out commands, one after another, up to the first that Kea refuses. @throws Refused with Kea's reason */
  order(...commands: Command[]): Promise<void>;
  /** Its configuration, and Kea's sum of it, which Kea 2.2 does not have. */
  look(): Promise<{ config: Configuration; hash: string | undefined }>;
  config(): Promise<Configuration>;
  /** The names of the commands that it knows. */
  commands(): Promise<Set<string>>;
  /** Current leases in these subnets; needs the command `lease4-get-all`. */
  leases(subnetIds: readonly number[]): Promise<Lease[]>;
}

/** Kea said no, so the command has done nothing. */
export class Refused extends UserError {
  override name = "Refused";
}

const configAnswer = z.looseObject({ Dhcp4: z.unknown(), hash: z.string().regex(/^\w+$/).optional() });
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

/** An answer was another one than expected, so what was to follow has not been sent. */
export class ChangedMeanwhile extends UserError {
  override name = "ChangedMeanwhile";

  constructor(title: string) {
    super(`something else changed the configuration of ${title} at the same time: run the same command again`);
  }
}

/** Kea at the other end of a channel. */
export function openKea({ title, ask }: Channel): Kea {
  const askAll = async (commands: readonly Command[]): Promise<Answer> => {
    const given = await ask(commands);
    const last = given.at(-1);
    const asked = commands[given.length - 1];
    const command = asked?.command;
    if (last && isRefusal(last)) throw new Refused(`${title} refuses ${command}: ${readable(last.text)}`);
    if (last && asked && isEnd(last, asked)) throw new ChangedMeanwhile(title);
    if (!last || given.length < commands.length)
      throw new UserError(`${title} answered only ${given.length} of ${commands.length} commands`);
    return last;
  };
  const read = async <T>(schema: z.ZodType<T>, command: string): Promise<T> => {
    const result = schema.safeParse((await askAll([{ command }])).arguments);
    if (result.success) return result.data;
    throw noAnswerOfKea(title, command);
  };
  const look = async () => {
    const { hash, ...rest } = await read(configAnswer, "config-get");
    const result = configuration.safeParse(rest);
    // `config-set` refuses one with its sum.
    if (result.success) return { config: result.data, hash };
    throw new UserError(`${title} has a configuration without a right ${result.error.issues[0]?.path.join(".")}`);
  };
  return {
    title,
    async order(...commands) {
      if (commands.length > 0) await askAll(commands);
    },
    look,
    config: async () => (await look()).config,
    commands: async () => new Set(await read(z.array(z.string()), "list-commands")),
    async leases(subnetIds) {
      const { result, arguments: found } = await askAll([
        { command: "lease4-get-all", arguments: { subnets: subnetIds } },
      ]);
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

/** Untrusted text in one line of bounded length. */
function readable(text: string): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, 300) || "without a reason";
}

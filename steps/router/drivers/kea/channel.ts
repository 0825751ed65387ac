import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";

/** A command as Kea takes it. */
export interface Command {
  command: string;
  arguments?: object;
  /** A part of the answer without which nothing more is sent: letters and digits. */
  expects?: string | undefined;
}

/** What Kea's DHCP server says to a command. */
export const answer = z.looseObject({
  result: z.int(),
  text: z.string().default(""),
  arguments: z.unknown().optional(),
});
export type Answer = z.output<typeof answer>;

/** The result of a command that found nothing, or nothing to remove. */
export const nothingFound = 3;

export const isRefusal = ({ result }: Answer): boolean => result !== 0 && result !== nothingFound;

/** Whether the commands after this one are not to be sent. */
export const isEnd = (given: Answer, { expects = "" }: Command): boolean =>
  isRefusal(given) || !JSON.stringify(given.arguments ?? {}).includes(expects);

/** A way to Kea's DHCP server. */
export interface Channel {
  /** Kea's name for messages. */
  title: string;
  /** Kea's answers to the commands, in their order, up to the first that it refuses or answers otherwise than expected. @throws UserError if there is none */
  ask(commands: readonly Command[]): Promise<Answer[]>;
}

/** One to look by, which the user may interrupt, and one for a change, which goes on: half of one is worse. */
export interface Channels {
  look: Channel;
  act: Channel;
}

/** Says that Kea, or what is there, gave no answer that Kea's DHCP server gives. */
export const noAnswerOfKea = (title: string, command: string | undefined): UserError =>
  new UserError(`${title} gives an answer to ${command} that is none of Kea's DHCP server for IPv4`);

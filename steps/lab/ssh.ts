import { UserError } from "../../lib/errors.ts";
import { quoteCommand } from "../../lib/shell.ts";
import { sshOptions } from "../../lib/ssh.ts";
import { isRouter } from "./contract.ts";
import { requireRecord } from "./folder.ts";
import { keyFileOf, knownHostsOf } from "./keys.ts";

export interface Invocation {
  program: string;
  args: string[];
}

/**
 * How to run a command on a machine over SSH, or to log in if the command is empty. Several words reach the program on
 * the machine unchanged; a single word is a command line for the machine's shell.
 */
export async function sshCommand(dir: string, name: string, command: readonly string[]): Promise<Invocation> {
  const { ports, spec } = await requireRecord(dir, name);
  if (ports.ssh === undefined) throw new UserError(`${name} has never run. Start it: ./piinit lab start ${name}`);
  return { program: "ssh", args: sshArguments({ dir, name, isRouter: isRouter(spec), port: ports.ssh, command }) };
}

/** SSH's arguments, which ignore the user's own configuration. */
export function sshArguments(to: {
  dir: string;
  name: string;
  isRouter: boolean;
  port: number;
  command: readonly string[];
}): string[] {
  const [program, ...args] = to.command;
  // The lab made the router's key; a machine makes its own, which is pinned from the first connection on.
  const check = to.isRouter ? "yes" : "accept-new";
  return [
    ...["-F", "none", "-i", keyFileOf(to.dir), "-p", String(to.port)],
    ...sshOptions({
      IdentitiesOnly: "yes",
      IdentityAgent: "none",
      UserKnownHostsFile: `"${knownHostsOf(to.dir).replaceAll("%", "%%")}"`,
      GlobalKnownHostsFile: "none",
      HostKeyAlias: to.name,
      StrictHostKeyChecking: check,
      PasswordAuthentication: "no",
      LogLevel: "ERROR",
    }),
    "root@127.0.0.1",
    ...(program === undefined ? [] : ["--", args.length === 0 ? program : quoteCommand(program, args)]),
  ];
}

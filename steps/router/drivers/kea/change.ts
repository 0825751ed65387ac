import { isDeepStrictEqual } from "node:util";
import { UserError } from "../../../../lib/errors.ts";
import { orPutBack } from "../../base/outcome.ts";
import { NotLetIn } from "../../base/web.ts";
import type { Command } from "./channel.ts";
import { type Kea, Refused } from "./commands.ts";
import { type Configuration, hostFor, ownOf, type Placed, withOwn } from "./config.ts";

/** What is to become of an owner's reservations. */
export interface Change {
  owner: string;
  wanted: readonly Placed[];
  /** Kea as it was when the change was planned. */
  before: Configuration;
  /** It has the commands of its hook library `host_cmds`. */
  hasHostCommands: boolean;
  /** It is to write its file. */
  isKept: boolean;
}

/**
 * Replaces the owner's reservations, lets `check` look at the result, writes Kea's file if that is wanted, and undoes all of
 * it if any of that fails. Kea has the old reservations or the new ones afterwards, unless it can't be reached.
 */
export async function replaceOwn(kea: Kea, change: Change, check: (after: Configuration) => void): Promise<void> {
  const { owner, wanted, before, hasHostCommands, isKept } = change;
  const own = ownOf(before, owner);
  const wantedConfig = withOwn(before, owner, wanted);
  const isChanged = !isDeepStrictEqual(sorted(own), sorted(wanted));
  if (isChanged && !hasHostCommands) await testConfiguration(kea, before, wantedConfig);
  let isWriteUnclear = false;
  const write = () =>
    kea.order({ command: "config-write" }).catch((error) => {
      isWriteUnclear = !(error instanceof Refused || error instanceof NotLetIn);
      throw error;
    });
  const work = async () => {
    if (isChanged && hasHostCommands) await replaceHosts(kea, owner, own, wanted);
    else if (isChanged) await kea.order({ command: "config-set", arguments: wantedConfig });
    check(await kea.config());
    if (isKept) await write();
  };
  const undo = async () => {
    // The failed command may have been carried out all the same.
    if (hasHostCommands) await replaceHosts(kea, owner, ownOf(await kea.config(), owner), own);
    // After a configuration that it did not take, Kea serves nobody until it gets another one.
    else await kea.order({ command: "config-set", arguments: before });
    if (isWriteUnclear) await write();
  };
  await (isChanged ? orPutBack(kea.title, work, undo) : work());
}

const sorted = (table: readonly Placed[]): Placed[] =>
  table
    .map(({ network, mac, ip, name }) => ({ network, mac, ip, name }))
    .sort((a, b) => (`${a.network} ${a.mac}` < `${b.network} ${b.mac}` ? -1 : 1));

/** Removes before it adds, because an address can't be there twice. */
async function replaceHosts(kea: Kea, owner: string, own: readonly Placed[], wanted: readonly Placed[]): Promise<void> {
  const isIn = (table: readonly Placed[], one: Placed) =>
    table.some((other) => isDeepStrictEqual(sorted([other]), sorted([one])));
  await kea.order(
    ...own.filter((old) => !isIn(wanted, old)).map(removal),
    ...wanted.filter((now) => !isIn(own, now)).map((one) => addition(owner, one)),
  );
}

/** The default would be a database of hosts. */
const target = { "operation-target": "memory" };

const removal = ({ network, mac }: Placed): Command => ({
  command: "reservation-del",
  arguments: { ...target, "subnet-id": network, "identifier-type": "hw-address", identifier: mac },
});

const addition = (owner: string, one: Placed): Command => ({
  command: "reservation-add",
  arguments: { ...target, reservation: { "subnet-id": one.network, ...hostFor(owner, one) } },
});

/** Lets Kea look at the new configuration, which harms nothing, and looks whether the old one is still there. */
async function testConfiguration(kea: Kea, before: Configuration, wanted: Configuration): Promise<void> {
  await kea.order({ command: "config-test", arguments: wanted });
  if (!isDeepStrictEqual(await kea.config(), before))
    throw new UserError(
      `something else changed the configuration of ${kea.title} at the same time: run the same command again`,
    );
}

import { isDeepStrictEqual } from "node:util";
import { orPutBack } from "../../base/outcome.ts";
import { NotLetIn } from "../../base/web.ts";
import type { Command } from "./channel.ts";
import { ChangedMeanwhile, type Kea, Refused } from "./commands.ts";
import { type Configuration, hostFor, ownOf, type Placed, withOwn } from "./config.ts";

/** What is to become of an owner's reservations. */
export interface Change {
  owner: string;
  wanted: readonly Placed[];
  /** Kea as it was when the change was planned. */
  before: Configuration;
  /** Kea's sum of that. */
  hash: string | undefined;
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
  const { owner, wanted, before, hash, hasHostCommands, isKept } = change;
  const own = ownOf(before, owner);
  const wantedConfig = withOwn(before, owner, wanted);
  const isChanged = !isDeepStrictEqual(sorted(own), sorted(wanted));
  if (isChanged && !hasHostCommands) await testConfiguration(kea, before, wantedConfig);
  let isWriteUnclear = false;
  let isUntouched = false;
  const write = () =>
    kea.order({ command: "config-write" }).catch((error) => {
      isWriteUnclear = !(error instanceof Refused || error instanceof NotLetIn);
      throw error;
    });
  const work = async () => {
    if (isChanged && hasHostCommands) await replaceHosts(kea, owner, own, wanted);
    else if (isChanged)
      await setUnlessChanged(kea, hash, wantedConfig).catch((error) => {
        isUntouched = error instanceof ChangedMeanwhile;
        throw error;
      });
    check(await kea.config());
    if (isKept) await write();
  };
  const undo = async () => {
    // The failed command may have been carried out all the same, and others may have changed something since.
    if (isUntouched) return;
    const { config: now, hash: sum } = await kea.look();
    if (hasHostCommands) await replaceHosts(kea, owner, ownOf(now, owner), own);
    // After a configuration that it did not take, Kea serves nobody until it gets another one.
    else await setUnlessChanged(kea, sum, withOwn(now, owner, own));
    if (isWriteUnclear) await write();
  };
  await (isChanged ? orPutBack(kea.title, work, undo) : work());
}

/** Gives Kea a configuration unless somebody has changed the one that it had with that sum. */
async function setUnlessChanged(kea: Kea, hash: string | undefined, config: Configuration): Promise<void> {
  const guard = hash === undefined ? [] : [{ command: "config-hash-get", expects: hash }];
  await kea.order(...guard, { command: "config-set", arguments: config });
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
  if (!isDeepStrictEqual(await kea.config(), before)) throw new ChangedMeanwhile(kea.title);
}

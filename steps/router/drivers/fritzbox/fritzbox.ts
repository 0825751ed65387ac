import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { type Driver, type Entry, kind, type Lease, type Reservation, type Table } from "../../base/driver.ts";
import { refuseMisfits } from "../../base/fit.ts";
import { instruction } from "../../base/instruction.ts";
import { leaseNote } from "../../base/lease-note.ts";
import { orPutBack } from "../../base/outcome.ts";
import { basicLogin, fitsUrl, hostIn, webSettings } from "../../base/web.ts";
import { renamings, takenNames } from "./names.ts";
import { type FritzBox, type Host, openFritzBox } from "./tr064.ts";

const schema = z
  .strictObject({
    kind: z.literal("fritzbox").meta(kind),
    ...webSettings("https://192.168.178.1:49443"),
    ...basicLogin,
  })
  .refine(...fitsUrl);
type Settings = z.output<typeof schema>;

/**
 * A FRITZ!Box. What it lets programs do (TR-064) has no reservations: it tells who has which address, and takes names.
 * So piinit gives known machines their names, says what to click for their addresses, and looks each time.
 */
export const fritzbox = {
  schema,
  isByHand: true,
  host: hostIn,
  title: ({ url }) => `FRITZ!Box at ${url}`,
  apply: (settings, table, { signal }) => apply(settings, table, signal),
  /** It does not tell which of the addresses are reserved. */
  async look(settings, _, { signal }) {
    const box = openFritzBox(settings, signal);
    const service = await box.service();
    const hosts = await box.hosts();
    return {
      service: { ...service, denied: await box.whyDenied() },
      leases: leasesOf(hosts),
      entries: entriesOf(hosts),
      others: [],
    };
  },
  async clear(settings, { reservations }) {
    return instruction(`These reservations may be removed from the FRITZ!Box at ${settings.url}:`, reservations);
  },
} satisfies Driver<Settings>;

const leasesOf = (hosts: readonly Host[]): Lease[] =>
  hosts.flatMap(({ mac, ip, name, isActive }) => (isActive && ip ? [{ mac, ip, name, expires: undefined }] : []));

/** As if the FRITZ!Box had reserved what it shows. */
const entriesOf = (hosts: readonly Host[]): Entry[] =>
  hosts.map(({ mac, ip, name }) => ({
    source: "the FRITZ!Box's machines",
    text: [mac, ip, name].filter(Boolean).join(" "),
    macs: [mac],
    ip,
    name: name.toLowerCase(),
    ignored: false,
  }));

async function apply(settings: Settings, table: Table, signal: AbortSignal): Promise<string[]> {
  const box = openFritzBox(settings, signal);
  const { reservations, previous = [] } = table;
  refuseMisfits(box.title, await box.service(), table);
  const before = await box.hosts();
  const hosts = await nameMachines(settings, box, before, reservations);

  const isThere = ({ mac, ip }: Reservation) => hosts.some((one) => one.mac === mac && one.ip === ip);
  const isKnown = ({ mac }: Reservation) => hosts.some((one) => one.mac === mac);
  const missing = reservations.filter((one) => !isThere(one));
  const left = previous.filter(({ mac }) => !reservations.some((one) => one.mac === mac));
  const seen = reservations.length - missing.length;
  const now = Date.now() / 1000;
  return [
    ...renamedLines(before, hosts, reservations),
    ...takenNames(hosts, reservations).map(
      ({ name, by }) => `the name ${name} belongs to ${by.mac} on the FRITZ!Box: give that machine another name there`,
    ),
    ...instruction(onEdit, missing.filter(isKnown)),
    ...instruction(
      onAdd,
      missing.filter((one) => !isKnown(one)),
    ),
    ...instruction("These reservations may be removed from the FRITZ!Box:", left),
    ...(seen > 0 ? [`= ${seen} with their addresses`] : []),
    ...missing.flatMap((one) => leaseNote(leasesOf(hosts), one, now) ?? []),
  ];
}

const onEdit =
  'Reserve these on the FRITZ!Box, which no program can: Home Network > Network, the pencil beside the machine, tab "Home Network": enter the address, tick "Always assign this network device the same IPv4 address", Apply. (German: Heimnetz > Netzwerk, "IPv4-Adresse dauerhaft zuweisen".)';
const onAdd =
  'The FRITZ!Box has not seen these yet. Switch them on and run up again, or enter them: Home Network > Network, "Add Device" ("Gerät hinzufügen"):';

const renamedLines = (before: readonly Host[], after: readonly Host[], reservations: readonly Reservation[]) =>
  reservations.flatMap(({ mac }) => {
    const [was, is] = [before, after].map((hosts) => hosts.find((one) => one.mac === mac)?.name);
    return was === is ? [] : [`~ ${mac} is called ${is} (was ${was})`];
  });

/** Gives known machines their names, all or none of them. Returns the machines as they are then. */
async function nameMachines(
  settings: Settings,
  box: FritzBox,
  before: readonly Host[],
  reservations: readonly Reservation[],
): Promise<readonly Host[]> {
  const wanted = renamings(before, reservations);
  if (wanted.length === 0) return before;
  const work = async () => {
    for (const { mac, name } of wanted) await box.rename(mac, name);
    const after = await box.hosts();
    const left = renamings(after, reservations);
    if (left.length > 0)
      throw new UserError(`${box.title} did not keep these names: ${left.map(({ name }) => name).join(", ")}`);
    return after;
  };
  return orPutBack(box.title, work, async () => {
    // Not stopped by ^C.
    const lasting = openFritzBox(settings, new AbortController().signal);
    const named = before.filter(({ mac }) => wanted.some((one) => one.mac === mac));
    for (const { mac, name } of renamings(await lasting.hosts(), named)) await lasting.rename(mac, name);
  });
}

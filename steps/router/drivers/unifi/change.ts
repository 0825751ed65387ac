import { UserError } from "../../../../lib/errors.ts";
import { addressesOf } from "../../../../lib/network.ts";
import type { NamedNetwork } from "../../base/place.ts";
import type { Client, Fields, UniFi } from "./api.ts";
import { fieldsOf, has } from "./clients.ts";

/** What becomes of clients, by MAC; undefined: UniFi is to forget it. */
export type Goals = ReadonlyMap<string, Fields | undefined>;

/** What was there before, as the way back from any of these goals. */
export function wayBack(before: readonly Client[], goals: Goals): Goals {
  const clients = byMac(before);
  return new Map(
    [...goals.keys()].map((mac) => {
      const client = clients.get(mac);
      return [mac, client && fieldsOf(client)];
    }),
  );
}

const byMac = (clients: readonly Client[]) => new Map(clients.map((client) => [client.mac.toLowerCase(), client]));

/**
 * Reaches the goals from what is there (`now`). UniFi refuses an address that any client had reserved last, so of clients
 * that wait for each other's one gets a free address (of `networks`) for the moment.
 */
export async function reach(
  uniFi: UniFi,
  now: readonly Client[],
  goals: Goals,
  networks: readonly NamedNetwork[],
): Promise<void> {
  const clients = byMac(now);
  const heldBy = (mac: string) => clients.get(mac)?.fixed_ip;
  const fixed = [...goals].flatMap(([mac, fields]) => (fields?.use_fixedip ? [{ mac, fields }] : []));
  const isWanted = (ip: string | undefined) => fixed.some(({ fields }) => fields.fixed_ip === ip);

  const set = async (mac: string, fields: Fields) => {
    const there = clients.get(mac);
    if (!there) return uniFi.add(mac, fields);
    if (!has(there, fields)) await uniFi.change(there._id, fields);
    clients.set(mac, { ...there, ...fields });
  };
  const park = async (mac: string) => {
    const there = clients.get(mac);
    const taken = [
      ...[...clients.values()].map(({ fixed_ip }) => fixed_ip),
      ...fixed.map(({ fields }) => fields.fixed_ip),
    ];
    if (there) await set(mac, { ...fieldsOf(there), use_fixedip: true, fixed_ip: freeAddress(networks, there, taken) });
  };

  for (const [mac, fields] of goals) {
    if (!fields && clients.has(mac)) await uniFi.forget(mac);
    if (!fields) clients.delete(mac);
  }
  for (const [mac, fields] of goals) {
    if (!fields || fields.use_fixedip) continue;
    const { fixed_ip: _ip, network_id: _network, ...off } = fields;
    if (isWanted(heldBy(mac))) await park(mac);
    await set(mac, off);
  }
  const pending = new Map(fixed.map(({ mac, fields }) => [mac, fields]));
  while (pending.size > 0) {
    const holderOf = (ip: string | undefined) => [...pending.keys()].find((mac) => heldBy(mac) === ip);
    const [mac, fields] =
      [...pending].find(([one, { fixed_ip }]) => [undefined, one].includes(holderOf(fixed_ip))) ?? [];
    if (mac && fields) {
      await set(mac, fields);
      pending.delete(mac);
    } else await park(holderOf([...pending.values()][0]?.fixed_ip) ?? "");
  }
}

function freeAddress(
  networks: readonly NamedNetwork[],
  client: Client,
  taken: readonly (string | undefined)[],
): string {
  const network = networks.find(({ id }) => id === client.network_id) ?? networks[0];
  const [gateway] = network?.cidr.split("/") ?? [];
  const free = network && addressesOf(network.cidr).findLast((ip) => ip !== gateway && !taken.includes(ip));
  if (free) return free;
  throw new UserError(
    `UniFi has no free address in ${network?.name ?? "any network"} for machines that exchange theirs`,
  );
}

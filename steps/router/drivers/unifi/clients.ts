import type { Entry, Lease } from "../../base/driver.ts";
import type { Placed } from "../../base/place.ts";
import type { Client, Fields, UniFi } from "./api.ts";

/** A word in the note of a client whose reservation is the stack's; the user's own words stay beside it. */
export const markOf = (owner: string) => `piinit.${owner}`;

const wordsOf = ({ note = "" }: Client) => note.split(/\s+/).filter(Boolean);

export const isOf = (owner: string) => (client: Client) => wordsOf(client).includes(markOf(owner));

/** The clients with a fixed address, as entries. */
export const entriesOf = (clients: readonly Client[]): Entry[] =>
  clients
    .filter(({ use_fixedip }) => use_fixedip)
    .map((client) => {
      const { mac, fixed_ip } = client;
      const name = client.name || client.hostname;
      return {
        source: "UniFi's clients",
        text: [mac, fixed_ip, name].filter(Boolean).join(" "),
        macs: [mac.toLowerCase()],
        ip: fixed_ip,
        name: name?.toLowerCase(),
        ignored: false,
      };
    });

export async function leasesOf(uniFi: UniFi): Promise<Lease[]> {
  const stations = await uniFi.stations();
  return stations.flatMap(({ mac, ip, hostname, name }) =>
    ip ? [{ mac: mac.toLowerCase(), ip, name: hostname || name || "", expires: undefined }] : [],
  );
}

const withNote = (note: string) => ({ note, noted: note !== "" });

export function fieldsFor(owner: string, { ip, name, network }: Placed, there: Client | undefined): Fields {
  const words = there ? wordsOf(there).filter((word) => word !== markOf(owner)) : [];
  const note = there && isOf(owner)(there) ? (there.note ?? "") : [...words, markOf(owner)].join(" ");
  return { use_fixedip: true, fixed_ip: ip, network_id: network, name, ...withNote(note) };
}

/** A client that leaves the stack: it stays known, without a reservation. */
export function released(owner: string, client: Client): Fields {
  const note = wordsOf(client)
    .filter((word) => word !== markOf(owner))
    .join(" ");
  return { use_fixedip: false, name: client.name ?? "", ...withNote(note) };
}

export const fieldsOf = ({ use_fixedip = false, fixed_ip, network_id, name = "", note = "" }: Client): Fields => ({
  use_fixedip,
  ...(fixed_ip && { fixed_ip }),
  ...(network_id && { network_id }),
  name,
  ...withNote(note),
});

/** Whether the client has all that is to be set. */
export function has(client: Client, fields: Fields): boolean {
  const now: Fields = fieldsOf(client);
  return (Object.keys(fields) as (keyof Fields)[]).every((key) => now[key] === fields[key]);
}

import { z } from "zod";
import type { Entry, Reservation } from "../../base/driver.ts";
import { hostNameIn } from "../../base/host-name.ts";
import type { Placed as PlacedIn } from "../../base/place.ts";

const host = z.looseObject({
  "hw-address": z.string().optional(),
  "ip-address": z.string().optional(),
  hostname: z.string().optional(),
  "user-context": z.looseObject({}).optional(),
});
type Host = z.output<typeof host>;

const option = z.looseObject({ name: z.string().optional(), data: z.string().optional() });
const options = z.array(option).optional();

const subnet = z.looseObject({
  id: z.int(),
  subnet: z.string(),
  pools: z.array(z.looseObject({ pool: z.string() })).optional(),
  "option-data": options,
  "reservations-out-of-pool": z.boolean().optional(),
  reservations: z.array(host).optional(),
});
type Subnet = z.output<typeof subnet>;

/** A configuration as `config-get` answers it and `config-set` takes it; what we don't know stays in it. */
export const configuration = z.looseObject({
  Dhcp4: z.looseObject({
    subnet4: z.array(subnet).optional(),
    "shared-networks": z.array(z.looseObject({ subnet4: z.array(subnet).optional() })).optional(),
    reservations: z.array(host).optional(),
    "option-data": options,
    "reservations-out-of-pool": z.boolean().optional(),
  }),
});
export type Configuration = z.output<typeof configuration>;

/** A reservation in Kea's configuration, with the number of its subnet. */
export type Placed = PlacedIn<number>;

/** In `user-context`, which Kea keeps for others, ours have the stack's name under this key. */
const ownerKey = "piinit";

export const subnetsOf = ({ Dhcp4 }: Configuration): Subnet[] => [
  ...(Dhcp4.subnet4 ?? []),
  ...(Dhcp4["shared-networks"] ?? []).flatMap(({ subnet4 }) => subnet4 ?? []),
];

const isOwn = (one: Host, owner: string): boolean => one["user-context"]?.[ownerKey] === owner;

/** What the stack has reserved. */
export function ownOf(config: Configuration, owner: string): Placed[] {
  return subnetsOf(config).flatMap(({ id, reservations = [] }) =>
    reservations
      .filter((one) => isOwn(one, owner))
      .map((one) => ({
        network: id,
        mac: one["hw-address"]?.toLowerCase() ?? "",
        ip: one["ip-address"] ?? "",
        name: one.hostname ?? "",
      })),
  );
}

/** Fixed leases that are not the stack's, in these subnets and for all of them; without an owner, everybody's. */
export function entriesOf(config: Configuration, subnetIds: ReadonlySet<number>, owner?: string): Entry[] {
  const places = subnetsOf(config).filter(({ id }) => subnetIds.has(id));
  return [
    ...(config.Dhcp4.reservations ?? []).map((one) => ["Kea's global reservations", one] as const),
    ...places.flatMap(({ subnet: name, reservations = [] }) =>
      reservations.map((one) => [`Kea's subnet ${name}`, one] as const),
    ),
  ]
    .filter(([, one]) => owner === undefined || !isOwn(one, owner))
    .map(([source, one]) => entryOf(source, one));
}

function entryOf(source: string, one: Host): Entry {
  const { hostname, "hw-address": mac, "ip-address": ip } = one;
  const name = hostNameIn(hostname ?? "");
  return {
    source,
    text: [mac, ip, hostname].filter(Boolean).join(" "),
    macs: mac ? [mac.toLowerCase()] : [],
    ...(ip && ip !== "0.0.0.0" && { ip }),
    ...(name && { name }),
    ignored: false,
  };
}

/** As Kea takes a reservation. */
export function hostFor(owner: string, { mac, ip, name }: Reservation): Host {
  return { "hw-address": mac, "ip-address": ip, hostname: name, "user-context": { [ownerKey]: owner } };
}

/** The configuration with these reservations for the owner's, and nothing else changed. */
export function withOwn(config: Configuration, owner: string, wanted: readonly Placed[]): Configuration {
  const changed = (one: Subnet): Subnet => {
    const { reservations = [] } = one;
    const others = reservations.filter((other) => !isOwn(other, owner));
    const own = wanted.filter(({ network }) => network === one.id).map((placed) => hostFor(owner, placed));
    return { ...one, reservations: [...others, ...own] };
  };
  const { Dhcp4 } = config;
  return {
    ...config,
    Dhcp4: {
      ...Dhcp4,
      ...(Dhcp4.subnet4 && { subnet4: Dhcp4.subnet4.map(changed) }),
      ...(Dhcp4["shared-networks"] && {
        "shared-networks": Dhcp4["shared-networks"].map((network) => ({
          ...network,
          ...(network.subnet4 && { subnet4: network.subnet4.map(changed) }),
        })),
      }),
    },
  };
}

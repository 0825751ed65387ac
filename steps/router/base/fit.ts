import { UserError } from "../../../lib/errors.ts";
import { isBetween, isHostIn, networkOf } from "../../../lib/network.ts";
import type { Reservation } from "./driver.ts";
import type { Pool, ServedNetwork, Service } from "./service.ts";
import { reservationText } from "./table.ts";

/** What is to be reserved, and in which network, if that is known. */
interface Wanted {
  reservations: readonly Reservation[];
  cidr?: string | undefined;
}

/** What to do about a DHCP server that is off, where that is switched on in its pages. */
export const turnOn = (where: string) =>
  `DHCP is off. Turn it on there (${where}), or set the router that gives out the addresses`;

/**
 * Why the router can't be given these reservations, or can't serve them, each as what follows its title and "it". A
 * server that is off has no faults of its networks.
 */
export function misfits({ denied, off, networks }: Service, wanted: Wanted): string[] {
  const ofRights = denied === undefined ? [] : [`lets this login change nothing: ${denied}`];
  const ofService = off === undefined ? unserved(networks, wanted) : [`gives out no addresses: ${off}`];
  return [...ofRights, ...ofService];
}

function unserved(networks: Service["networks"], { reservations, cidr }: Wanted): string[] {
  const served = (networks ?? []).map((one) => ({ ...one, cidr: one.cidr ?? guessed(one, cidr) }));
  const inNetworkOf = ({ ip }: Reservation) => served.filter((one) => one.cidr !== undefined && isHostIn(one.cidr, ip));
  const isAllKnown = networks !== undefined && served.every((one) => one.cidr !== undefined);
  const outside = isAllKnown ? reservations.filter((one) => inNetworkOf(one).length === 0) : [];
  const own = reservations.filter((one) => inNetworkOf(one).some((at) => at.cidr?.split("/")[0] === one.ip));
  const kept = served.filter(({ keepsPools }) => keepsPools).flatMap(({ pools }) => pools);
  return [
    ...(outside.length > 0
      ? [
          `gives out addresses in ${networksText(served)}, and these are not in there: ${texts(outside)}. Give the machines other addresses, or set the router that serves theirs`,
        ]
      : []),
    ...(own.length > 0 ? [`has these addresses itself: ${texts(own)}. Give the machines other ones`] : []),
    ...kept.flatMap((pool) => {
      const inside = reservations.filter(({ ip }) => isBetween(pool.first, ip, pool.last));
      return inside.length > 0
        ? [
            `gives ${poolText(pool)} to any machine and can't reserve them: ${texts(inside)}. Make that range smaller there, or give the machines other addresses`,
          ]
        : [];
    }),
  ];
}

/** Why the stack's network isn't one that the router serves, if that can be told. */
export function strangeNetwork({ off, networks }: Service, cidr: string): string | undefined {
  if (off !== undefined || networks === undefined) return undefined;
  const isSame = (one: string) =>
    networkOf(one).network === networkOf(cidr).network && prefixIn(one) === prefixIn(cidr);
  const served = networks.flatMap((one) => one.cidr ?? guessed(one, cidr) ?? []);
  if (served.length < networks.length || served.some(isSame)) return undefined;
  return `serves ${networksText(networks)}, and the stack's network is ${cidr}: set \`cidr\` of \`piinit:network\` to the one that the machines are in`;
}

/** @throws UserError with all that keeps the router from taking or serving the reservations; nothing has been written then */
export function refuseMisfits(title: string, service: Service, wanted: Wanted): void {
  const found = misfits(service, wanted);
  if (found.length === 0) return;
  throw new UserError([`Nothing was changed on ${title}:`, ...found.map((one) => `  it ${one}`)].join("\n"));
}

/** @throws UserError if the router gives out no addresses */
export function refuseOff(title: string, { off }: Service): void {
  if (off !== undefined) throw new UserError(`${title} gives out no addresses: ${off}`);
}

/** What a router serves, for users. */
export function networksText(networks: readonly ServedNetwork[]): string {
  const told = networks.map(({ name, cidr, inside, pools }) => {
    const where = cidr ?? (pools.map(poolText).join(", ") || inside);
    return name && where ? `${name} (${where})` : (name ?? where ?? "");
  });
  return [...new Set(told)].join(", ") || "no network";
}

export const poolText = ({ first, last }: Pool) => `${first} to ${last}`;

const prefixIn = (cidr: string) => `/${cidr.split("/")[1]}`;

const texts = (reservations: readonly Reservation[]) => reservations.map(reservationText).join(", ");

/** Where the router doesn't tell its netmask, it has the stack's. */
function guessed({ inside, pools }: ServedNetwork, cidr: string | undefined): string | undefined {
  const address = inside ?? pools[0]?.first;
  return address && cidr && `${networkOf(`${address}${prefixIn(cidr)}`).network}${prefixIn(cidr)}`;
}

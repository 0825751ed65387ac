import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { isHostIn } from "../../../../lib/network.ts";
import { type Driver, kind, type Reservation, type Table } from "../../base/driver.ts";
import { refuseMisfits, turnOn } from "../../base/fit.ts";
import { orPutBack, outcomeLines, refuseMissing } from "../../base/outcome.ts";
import { type NamedNetwork, type Placed, place } from "../../base/place.ts";
import type { Service } from "../../base/service.ts";
import {
  difference,
  differenceLines,
  planTable,
  refuseConflicts,
  refuseStrangers,
  reservationsIn,
} from "../../base/table.ts";
import { basicLogin, fitsUrl, hostIn, webSettings } from "../../base/web.ts";
import { type Client, type UniFi, type UniFiNetwork, withUniFi } from "./api.ts";
import { type Goals, reach, wayBack } from "./change.ts";
import { entriesOf, fieldsFor, isOf, leasesOf, markOf, released } from "./clients.ts";

const schema = z
  .strictObject({
    kind: z.literal("unifi").meta(kind),
    ...webSettings("https://192.168.1.1"),
    site: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, "must be a site's short name, as its pages' addresses have it, such as default")
      .default("default")
      .meta({ description: "The short name of the site.", example: "ab12cd34" }),
    apiKey: z.string().min(1).optional().meta({
      description: "An API key, which a console with UniFi OS makes; otherwise `user` and `password`.",
      example: "Xr3kD0v9sQ",
      secret: "always",
    }),
    user: basicLogin.user.optional().meta({
      description: "A local account, if there is no `apiKey`.",
      example: "piinit",
    }),
    password: basicLogin.password.optional().meta({
      description: "The local account's password.",
      example: "correct horse",
      secret: "always",
    }),
  })
  .refine(...fitsUrl)
  .refine(({ apiKey, user, password }) => (apiKey ? !user && !password : user && password), {
    path: ["apiKey"],
    error: "must be set, or else user and password, and not both",
  });
type Settings = z.output<typeof schema>;

/**
 * UniFi Network, on a console with UniFi OS or as a controller of one's own. A reservation is a part of what it knows of
 * a client; ours have the stack's name in the client's note. There is no transaction, so what went half way is put back.
 */
export const unifi = {
  schema,
  host: hostIn,
  title: ({ url }) => `UniFi Network at ${url}`,
  apply: (settings, table, { signal }) => withUniFi(settings, signal, (uniFi, lasting) => apply(uniFi, lasting, table)),
  look: (settings, { owner, reservations }, { signal }) =>
    withUniFi(settings, signal, async (uniFi) => {
      const service = serviceOf(await uniFi.networks(), reservations);
      const clients = await uniFi.clients();
      return {
        service: { ...service, denied: await uniFi.whyDenied() },
        leases: await leasesOf(uniFi),
        entries: entriesOf(clients),
        others: entriesOf(clients.filter((one) => !isOf(owner)(one))),
      };
    }),
  clear: (settings, { owner }, { signal }) =>
    withUniFi(settings, signal, (uniFi, lasting) => clear(uniFi, lasting, owner)),
} satisfies Driver<Settings>;

function serviceOf(networks: readonly UniFiNetwork[], reservations: readonly Reservation[]): Service {
  const concerned = networks.find(({ cidr }) => reservations.some(({ ip }) => isHostIn(cidr, ip)));
  return {
    networks,
    domain: (concerned ?? networks[0])?.domain,
    isNameless: true,
    ...(networks.length === 0 && { off: turnOn("Settings > Networks > DHCP Mode") }),
  };
}

async function apply(uniFi: UniFi, lasting: UniFi, table: Table): Promise<string[]> {
  const { owner, reservations } = table;
  const networks = await uniFi.networks();
  refuseMisfits(uniFi.title, serviceOf(networks, reservations), table);
  const placed = place(networks, reservations);
  const before = await uniFi.clients();
  const isOurs = isOf(owner);
  const ours = before.filter(isOurs);
  const othersIn = (clients: readonly Client[]) => entriesOf(clients.filter((one) => !isOurs(one)));
  refuseStrangers(uniFi.title, `remove ${markOf(owner)} from the notes of these clients`, entriesOf(ours), table);
  const planned = planTable(uniFi.title, othersIn(before), placed);
  const own = placed.filter(({ mac }) => planned.own.some((one) => one.mac === mac));
  refuseRemembered(uniFi.title, before, owner, own);

  const leases = await leasesOf(uniFi);
  await change({ uniFi, lasting, networks }, before, goalsFor(owner, before, own), (after) => {
    refuseConflicts(uniFi.title, othersIn(after), reservations);
    refuseMissing(uniFi.title, "them", entriesOf(after), reservations);
  });
  return outcomeLines(reservationsIn(entriesOf(ours)), planned, reservations, leases);
}

/** UniFi gives nobody an address that another client had reserved last, even if that has no reservation any more. */
function refuseRemembered(title: string, clients: readonly Client[], owner: string, own: readonly Placed[]): void {
  const macs = new Set(own.map(({ mac }) => mac));
  const isStranger = (one: Client) => !isOf(owner)(one) && !one.use_fixedip && !macs.has(one.mac.toLowerCase());
  const remembered = clients.filter((one) => isStranger(one) && own.some(({ ip }) => ip === one.fixed_ip));
  if (remembered.length === 0) return;
  throw new UserError(
    [
      `Nothing was changed on ${title}: these clients had addresses reserved that now belong to this stack's machines, and UniFi gives them to nobody else while it knows the clients:`,
      ...remembered.map(({ mac, fixed_ip, name, hostname }) =>
        `  ${fixed_ip}: ${mac} ${name || hostname || ""}`.trimEnd(),
      ),
      "Remove these from its list of clients (Forget), and run up again.",
    ].join("\n"),
  );
}

/** What becomes of the stack's machines, and of clients that leave it. */
function goalsFor(owner: string, clients: readonly Client[], own: readonly Placed[]): Goals {
  const there = new Map(clients.map((one) => [one.mac.toLowerCase(), one]));
  const isTaken = ({ fixed_ip }: Client) => own.some(({ ip }) => ip === fixed_ip);
  const isMadeHere = ({ last_seen, note }: Client) => last_seen === undefined && note === markOf(owner);
  const leaving = [...there].filter(([mac, one]) => isOf(owner)(one) && !own.some((wanted) => wanted.mac === mac));
  return new Map([
    ...leaving.map(([mac, one]) => [mac, isTaken(one) || isMadeHere(one) ? undefined : released(owner, one)] as const),
    ...own.map((one) => [one.mac, fieldsFor(owner, one, there.get(one.mac))] as const),
  ]);
}

/** Makes the changes and checks the result. If that fails or is interrupted, puts back what was there. */
async function change(
  { uniFi, lasting, networks }: { uniFi: UniFi; lasting: UniFi; networks: readonly NamedNetwork[] },
  before: readonly Client[],
  goals: Goals,
  check: (after: readonly Client[]) => void,
): Promise<void> {
  const work = async () => {
    await reach(uniFi, before, goals, networks);
    check(await uniFi.clients());
  };
  await orPutBack(uniFi.title, work, async () =>
    reach(lasting, await lasting.clients(), wayBack(before, goals), networks),
  );
}

async function clear(uniFi: UniFi, lasting: UniFi, owner: string): Promise<string[]> {
  const before = await uniFi.clients();
  const ours = before.filter(isOf(owner));
  if (ours.length === 0) return [`${uniFi.title} has no reservations of stack ${owner} any more`];
  const networks = await uniFi.networks();
  await change({ uniFi, lasting, networks }, before, goalsFor(owner, before, []), (after) => {
    if (after.some(isOf(owner)))
      throw new UserError(`${uniFi.title} has reservations of stack ${owner} again: something else writes them`);
  });
  return differenceLines(difference(reservationsIn(entriesOf(ours)), []));
}

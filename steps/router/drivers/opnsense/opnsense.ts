import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { isIn } from "../../../../lib/network.ts";
import { type Driver, kind, type Reservation } from "../../base/driver.ts";
import { currentLeases } from "../../base/lease-note.ts";
import { place } from "../../base/place.ts";
import { applyRows, clearRows, markOf, type RowRouter } from "../../base/rows.ts";
import { missingFrom, reservationText } from "../../base/table.ts";
import { fitsUrl, hostIn, mayPass, webSettings } from "../../base/web.ts";
import { type Api, openApi, outcome, refuseFailed } from "./api.ts";
import { type DhcpServer, type StoredRow, servers } from "./servers.ts";

const schema = z
  .strictObject({
    kind: z.literal("opnsense").meta(kind),
    ...webSettings("https://192.168.2.1"),
    server: z.enum(["kea", "dnsmasq"]).meta({
      description: "Which of OPNsense's DHCP servers gives out the addresses.",
      example: "dnsmasq",
    }),
    apiKey: z
      .string()
      .regex(/^[^:\p{C}]+$/u, "must be the key of OPNsense's file with key and secret")
      .meta({
        description: "The API key of one of its users.",
        example: "k4WmPz0/3fYbX7tQ",
        secret: "always",
      }),
    apiSecret: z.string().min(1).meta({
      description: "That key's secret.",
      example: "s9HrVd+2LqNc8uJa",
      secret: "always",
    }),
  })
  .refine(...fitsUrl);
type Settings = z.output<typeof schema>;

const titleOf = ({ url, server }: Settings) => `${servers[server].name} on OPNsense at ${url}`;

/**
 * OPNsense, whose interface has the same requests for both of its DHCP servers. Each reservation is a row of its settings,
 * and ours have the stack's name in their description. The server uses them when it is started again.
 */
export const opnsense = {
  schema,
  host: hostIn,
  title: titleOf,
  apply: (settings, table, { signal }) => applyRows(open(settings, signal), table, signal),
  async lost(settings, reservations, { signal }) {
    const server = servers[settings.server];
    const { rows } = await openApi(settings, server.privilege, signal).look(pathTo(server, "search"), server.rows);
    return missingFrom(rows.filter(isReservation), reservations);
  },
  async leases(settings, { signal }) {
    const { rows, leases } = await open(settings, signal).look([]);
    return currentLeases(leases, rows, Date.now() / 1000);
  },
  clear: (settings, { owner }, { signal }) => clearRows(open(settings, signal), owner, signal),
} satisfies Driver<Settings>;

const pathTo = ({ area, table, item }: DhcpServer, verb: string, id?: string) =>
  [`/api/${area}/${table}/${verb}_${item}`, ...(id === undefined ? [] : [encodeURIComponent(id)])].join("/");
const isReservation = (row: StoredRow) => row.isReservation;

const subnetList = z.object({ rows: z.array(z.object({ uuid: z.string(), subnet: z.string() })) });
type Subnet = z.output<typeof subnetList>["rows"][number];
const serverStatus = z.object({ status: z.string() });

function open(settings: Settings, signal: AbortSignal): RowRouter {
  const { url } = settings;
  const server = servers[settings.server];
  const title = titleOf(settings);
  const api = openApi(settings, server.privilege, signal);
  const rowsPath = pathTo(server, "search");
  const statusPath = `/api/${server.area}/service/status`;
  let subnets: Subnet[] = [];
  let concerned: Subnet[] | undefined;
  /** A machine may have another reservation in a subnet that has nothing to do with the stack. */
  const isConcerned = ({ subnet, description }: StoredRow) =>
    !concerned?.every(({ uuid, subnet: cidr }) => subnet !== uuid && subnet !== cidr) ||
    description.startsWith(markOf(""));
  const reservationsOf = ({ rows }: { rows: StoredRow[] }) => rows.filter(isReservation).filter(isConcerned);
  /** A row that is added or put back needs its subnet's name. */
  const lookForSubnets = async () => {
    if (!server.hasSubnets) return;
    subnets = (await api.look(`/api/${server.area}/${server.table}/search_subnet`, subnetList)).rows;
  };
  const fieldsFor = (one: Reservation) =>
    server.fields(one, subnets.find(({ subnet }) => isIn(subnet, one.ip))?.uuid ?? "");
  const send = async (path: string, body: object, what: string, ...good: string[]) =>
    refuseFailed(url, what, await api.post(path, body, outcome), good);

  return {
    title,
    async look(wanted) {
      const { status } = await api.look(statusPath, serverStatus);
      if (status !== "running") throw new UserError(isOff(settings, status));
      await lookForSubnets();
      if (server.hasSubnets && wanted.length > 0) {
        const networks = subnets.map(({ uuid: id, subnet: cidr }) => ({ id, cidr }));
        const served = new Set(place(title, networks, wanted).map(({ network }) => network));
        concerned = subnets.filter(({ uuid }) => served.has(uuid));
      }
      const rows = reservationsOf(await api.look(rowsPath, server.rows));
      const { rows: leases } = await api.look(`/api/${server.area}/${server.leaseTable}/search`, server.leases);
      return { rows, leases };
    },
    async lookForRows() {
      await lookForSubnets();
      return reservationsOf(await api.look(rowsPath, server.rows));
    },
    rows: async () => reservationsOf(await api.get(rowsPath, server.rows)),
    add: (one, description) =>
      send(
        pathTo(server, "add"),
        { [server.item]: { ...fieldsFor(one), [server.description]: description } },
        reservationText(one),
        "saved",
      ),
    update: ({ id }, to) =>
      send(pathTo(server, "set", id), { [server.item]: fieldsFor(to) }, reservationText(to), "saved"),
    remove: ({ id, text }) => send(pathTo(server, "del", id), {}, `to remove "${text}"`, "deleted", "not found"),
    async reload() {
      const { status } = await api.post(`/api/${server.area}/service/reconfigure`, {}, serverStatus);
      if (status !== "ok") throw new UserError(`${title} could not be started again (${status})`);
      await untilRunning(title, api, statusPath);
    },
  };
}

function isOff({ url, server }: Settings, status: string): string {
  const other = server === "kea" ? "dnsmasq" : "kea";
  const { name, page } = servers[server];
  return `${name} on OPNsense at ${url} does not run (${status}): turn it on there (${page}), or set \`server: ${other}\` if that gives out the addresses`;
}

const startMs = 10_000;
const pauseMs = 500;

/** OPNsense says "ok" of a server, too, that ends over its new configuration; so it must be there twice, unless it is off. */
async function untilRunning(title: string, api: Api, path: string): Promise<void> {
  const end = Date.now() + startMs;
  for (let seen = 0; seen < 2; ) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    // While dnsmasq is away, OPNsense's own name may be unknown.
    const status = await api.get(path, serverStatus).then(
      (answer) => answer.status,
      (error: Error) => {
        if (mayPass(error)) return error.message;
        throw error;
      },
    );
    if (status === "disabled") return;
    seen = status === "running" ? seen + 1 : 0;
    if (seen === 0 && Date.now() > end)
      throw new UserError(`${title} does not run with the new reservations: ${status}`);
  }
}

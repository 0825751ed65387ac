import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { isHostIn } from "../../../../lib/network.ts";
import { type Driver, kind, type Reservation } from "../../base/driver.ts";
import { applyRows, clearRows, lookAtRows, markOf, type RowRouter } from "../../base/rows.ts";
import type { Service } from "../../base/service.ts";
import { reservationText } from "../../base/table.ts";
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
  look: (settings, stack, { signal }) => lookAtRows(open(settings, signal), stack),
  clear: (settings, { owner }, { signal }) => clearRows(open(settings, signal), owner, signal),
} satisfies Driver<Settings>;

const pathTo = ({ area, table, item }: DhcpServer, verb: string, id?: string) =>
  [`/api/${area}/${table}/${verb}_${item}`, ...(id === undefined ? [] : [encodeURIComponent(id)])].join("/");
const isReservation = (row: StoredRow) => row.isReservation;

type Subnet = z.output<DhcpServer["networks"]>["rows"][number];

const has =
  ({ ip }: Reservation) =>
  ({ cidr }: Subnet): boolean =>
    cidr !== undefined && isHostIn(cidr, ip);

const networksPath = ({ area, table, network }: DhcpServer) => `/api/${area}/${table}/search_${network}`;
const statusPath = ({ area }: DhcpServer) => `/api/${area}/service/status`;
const serverStatus = z.object({ status: z.string() });

function open(settings: Settings, signal: AbortSignal): RowRouter {
  const { url } = settings;
  const server = servers[settings.server];
  const title = titleOf(settings);
  const api = openApi(settings, server.privilege, signal);
  const rowsPath = pathTo(server, "search");
  let subnets: Subnet[] = [];
  let concerned: Subnet[] | undefined;
  /** A machine may have another reservation in a subnet that has nothing to do with the stack. */
  const isConcerned = ({ subnet, description }: StoredRow) =>
    !concerned?.every(({ uuid, cidr }) => subnet !== uuid && subnet !== cidr) || description.startsWith(markOf(""));
  const reservationsOf = ({ rows }: { rows: StoredRow[] }) => rows.filter(isReservation).filter(isConcerned);
  const fieldsFor = (one: Reservation) => server.fields(one, subnets.find(has(one))?.uuid ?? "");
  const send = async (path: string, body: object, what: string, ...good: string[]) =>
    refuseFailed(url, what, await api.post(path, body, outcome), good);

  return {
    title,
    async look(wanted) {
      const service = await serviceOf(settings, api);
      if (settings.server === "kea") {
        subnets = service.networks;
        if (wanted.length > 0) concerned = subnets.filter((subnet) => wanted.some((one) => has(one)(subnet)));
      }
      const rows = reservationsOf(await api.look(rowsPath, server.rows));
      const { rows: leases } = await api.look(`/api/${server.area}/${server.leaseTable}/search`, server.leases);
      return { service, rows, leases };
    },
    async lookForRows() {
      // One that is put back needs its subnet's name.
      if (settings.server === "kea") subnets = (await api.look(networksPath(server), server.networks)).rows;
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
      const { status } = await api.order(`/api/${server.area}/service/reconfigure`, serverStatus);
      if (status !== "ok") throw new UserError(`${title} could not be started again (${status})`);
      await untilRunning(title, api, statusPath(server));
    },
  };
}

async function serviceOf(settings: Settings, api: Api): Promise<Service & { networks: Subnet[] }> {
  const server = servers[settings.server];
  const { status } = await api.look(statusPath(server), serverStatus);
  const { rows } = await api.look(networksPath(server), server.networks);
  const domain = rows.find((one) => one.domain)?.domain;
  return { off: whyOff(settings, status, rows), networks: rows, domain };
}

function whyOff({ server }: Settings, status: string, networks: readonly Subnet[]): string | undefined {
  const other = server === "kea" ? "dnsmasq" : "kea";
  const { page, network } = servers[server];
  const remedy = `there (${page}), or set \`server: ${other}\` if that gives out the addresses`;
  if (status !== "running") return `it does not run (${status}). Turn it on ${remedy}`;
  return networks.length > 0 ? undefined : `it has no ${network}. Add one ${remedy}`;
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
        if (!mayPass(error) || Date.now() > end) throw error;
        return "unknown";
      },
    );
    if (status === "disabled") return;
    seen = status === "running" ? seen + 1 : 0;
    if (seen === 0 && Date.now() > end)
      throw new UserError(`${title} does not run with the new reservations: ${status}`);
  }
}

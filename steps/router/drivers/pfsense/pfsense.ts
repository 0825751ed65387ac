import { isIPv4 } from "node:net";
import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { type Driver, kind, type Reservation } from "../../base/driver.ts";
import { turnOn } from "../../base/fit.ts";
import { applyRows, clearRows, lookAtRows, type Row, type RowRouter } from "../../base/rows.ts";
import type { Service } from "../../base/service.ts";
import { fitsUrl, hostIn, mayPass, webSettings } from "../../base/web.ts";
import { type Api, openApi } from "./api.ts";
import { applyStatus, dhcpServer, leaseList, type Mapping, mapping, mappings, rowOf } from "./shapes.ts";

const schema = z
  .strictObject({
    kind: z.literal("pfsense").meta(kind),
    ...webSettings("https://192.168.2.1"),
    interface: z
      .string()
      .regex(/^[a-z0-9_]+$/, "must be pfSense's own word for an interface, such as lan or opt1")
      .default("lan")
      .meta({ description: "The interface whose DHCP server gives out the addresses.", example: "opt1" }),
    apiKey: z
      .string()
      .regex(/^[\x21-\x7e]+$/, "must be a key of letters, digits and signs")
      .meta({ description: "A key for its REST API.", example: "4f1c09a2b7", secret: "always" }),
  })
  .refine(...fitsUrl);
type Settings = z.output<typeof schema>;

/**
 * pfSense with the REST API package, version 2. Each reservation is a static mapping, and ours have the stack's name in
 * their description. They are used when the pending changes are applied.
 */
export const pfsense = {
  schema,
  host: hostIn,
  title: ({ url, interface: name }) => `pfSense at ${url} (${name})`,
  apply: (settings, table, { signal }) => applyRows(open(settings, signal), table, signal),
  look: (settings, stack, { signal }) => lookAtRows(open(settings, signal, { withStatic: true }), stack),
  clear: (settings, { owner }, { signal }) => clearRows(open(settings, signal), owner, signal),
} satisfies Driver<Settings>;

const base = "/api/v2/services/dhcp_server";
const applyPath = `${base}/apply`;
const onePath = `${base}/static_mapping`;
const leasesPath = "/api/v2/status/dhcp_server/leases";
const listPath = (settings: Settings) => `${base}/static_mappings?parent_id=${settings.interface}`;

/** `withStatic`: of a machine that is there by a static mapping, its lease is told, too. */
function open(settings: Settings, signal: AbortSignal, { withStatic = false } = {}): RowRouter {
  const { url, interface: parent_id } = settings;
  const api = openApi(settings, signal);
  const rows = async () => (await api.get(listPath(settings), mappings)).map(rowOf);
  const title = pfsense.title(settings);
  let hasChanged = false;
  const send = async <T>(
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    body: object | undefined,
    data: z.ZodType<T>,
  ) => {
    hasChanged = true;
    return api.send(method, path, body, data);
  };
  /** Where the row is now: every change may have moved it. */
  const idOf = async (wanted: Row) => (await rows()).find((row) => isSame(row, wanted))?.id;
  const add = (fields: object) => send("POST", onePath, { parent_id, ...fields, apply: false }, mapping);

  return {
    title,
    async look() {
      const service = await serviceOf(settings, api);
      const leases = await api.look(leasesPath, leaseList);
      const all = await api.look(listPath(settings), mappings);
      return { service, rows: all.map(rowOf), leases: leases.filter(({ isStatic }) => withStatic || !isStatic) };
    },
    lookForRows: async () => (await api.look(listPath(settings), mappings)).map(rowOf),
    rows,
    async add(one, descr) {
      await add({ ...fieldsOf(one), descr });
    },
    async update(row, to) {
      const id = await idOf(row);
      if (id === undefined)
        throw new UserError(`"${row.text}" has gone from ${title} at the same moment: run the same command again`);
      // With its MAC, because pfSense refuses that for a row that has come into its place meanwhile.
      await send("PATCH", onePath, { parent_id, id: Number(id), ...fieldsOf(to), apply: false }, mapping);
    },
    async remove(row) {
      const id = await idOf(row);
      if (id === undefined) return;
      const removed = await send("DELETE", `${onePath}?parent_id=${parent_id}&id=${id}`, undefined, mapping);
      if (isSame(rowOf(removed), row)) return;
      await add(withoutId(removed));
      throw new UserError(
        `${title} had "${rowOf(removed).text}" in the place of "${row.text}" at the same moment: it is back`,
      );
    },
    async reload() {
      if (!hasChanged && (await api.get(applyPath, applyStatus)).applied) return;
      await send("POST", applyPath, {}, z.unknown());
      await untilApplied(url, api);
      hasChanged = false;
    },
  };
}

const fieldsOf = ({ mac, ip, name }: Reservation) => ({ mac, ipaddr: ip, hostname: name });

const isSame = (one: Row, other: Row) => one.text === other.text && one.description === other.description;

const withoutId = ({ id: _, ...fields }: Mapping) => fields;

/** pfSense refuses to reserve addresses that it gives to strangers. */
async function serviceOf(settings: Settings, api: Api): Promise<Service> {
  const server = await api.look(`${base}?id=${settings.interface}`, dhcpServer);
  const pools = [server, ...server.pool].flatMap(({ range_from: first, range_to: last }) =>
    isIPv4(first) && isIPv4(last) ? [{ first, last }] : [],
  );
  return {
    networks: [{ name: settings.interface, cidr: undefined, pools, keepsPools: true }],
    domain: server.domain || undefined,
    ...(!server.enable && { off: turnOn(`Services > DHCP Server; or name another \`interface\``) }),
  };
}

const applyMs = 60_000;
const pauseMs = 500;

/** It is done in the background. */
async function untilApplied(url: string, api: Api): Promise<void> {
  const end = Date.now() + applyMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const isDone = await api.get(applyPath, applyStatus).then(
      ({ applied }) => applied,
      (error) => {
        if (!mayPass(error) || Date.now() > end) throw error;
        return false;
      },
    );
    if (isDone) return;
    if (Date.now() > end)
      throw new UserError(`pfSense at ${url} has not applied the changes within ${applyMs / 1000} s`);
  }
}

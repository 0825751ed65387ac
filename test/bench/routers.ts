import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { silent } from "../../lib/progress.ts";
import type { Reservation } from "../../steps/router/base/driver.ts";
import { openRouter, type RouterSettings } from "../../steps/router/catalogue.ts";
import { startHome } from "../engine/router/home.ts";
import { flavours, login, startKea } from "../engine/router/kea/home.ts";
import { startOpenwrt } from "../engine/router/openwrt/home.ts";
import { type Row, tableOf } from "./table.ts";

/** A router, and how often it was asked: logins over SSH, requests over HTTP. */
interface Router {
  title: string;
  settings: RouterSettings;
  asked: { unit: string; count(): number };
  close(): Promise<void>;
}

const owner = "home";
const reservations: Reservation[] = Array.from({ length: 200 }, (_, index) => ({
  name: `pi${index}`,
  mac: `b8:27:eb:00:00:${index.toString(16).padStart(2, "0")}`,
  ip: `192.168.2.${2 + index}`,
}));

/** Measures what 200 reservations cost on real routers: all of them new, compared, one changed, and removed. */
export async function benchRouters(): Promise<string> {
  const rows: Row[] = [];
  for (const start of [startDnsmasq, startUci, startKeaBehindCounter, startKeaOverSsh]) {
    const router = await start();
    try {
      rows.push(...(await measureRouter(router)));
    } finally {
      await router.close();
    }
  }
  return `${reservations.length} reservations on each router, by its driver alone.\n\n${tableOf(rows)}`;
}

async function measureRouter({ title, settings, asked }: Router): Promise<Row[]> {
  const router = openRouter(settings, { progress: silent, signal: new AbortController().signal });
  const [first, ...others] = reservations;
  const changed = [{ ...(first as Reservation), name: "renamed" }, ...others];
  const works: Record<string, () => Promise<unknown>> = {
    "all of them new": () => router.apply({ owner, reservations, previous: undefined }),
    "compared by a no-change `up`": () => router.lost(reservations),
    "one of them renamed": () => router.apply({ owner, reservations: changed, previous: reservations }),
    "all removed": () => router.clear({ owner, reservations: [], previous: changed }),
  };
  const rows: Row[] = [];
  for (const [what, work] of Object.entries(works)) {
    const [start, before] = [performance.now(), asked.count()];
    await work();
    const measured = (performance.now() - start) / 1000;
    process.stderr.write(`${title}, ${what}: ${measured.toFixed(1)} s\n`);
    rows.push({ what: `${title}: ${what} (${asked.unit}: ${asked.count() - before})`, unit: "s", measured });
  }
  return rows;
}

async function startDnsmasq(): Promise<Router> {
  const home = await startHome();
  const asked = { unit: "logins", count: home.logins };
  return { title: "dnsmasq over SSH", settings: home.settings, asked, close: home.close };
}

async function startUci(): Promise<Router> {
  const home = await startOpenwrt();
  const asked = { unit: "logins", count: home.logins };
  return { title: "OpenWrt's uci over SSH", settings: home.settings, asked, close: home.close };
}

async function startKeaBehindCounter(): Promise<Router> {
  const [flavour] = flavours;
  const home = await startKea(flavour);
  const counter = await countRequests(home.url);
  return {
    title: flavour.title,
    settings: { kind: "kea", url: counter.url, ...login, persist: true },
    asked: { unit: "requests", count: counter.count },
    async close() {
      counter.close();
      await home.close();
    },
  };
}

async function startKeaOverSsh(): Promise<Router> {
  const [flavour] = flavours;
  const home = await startKea(flavour);
  await home.leaveOnly("socat");
  return {
    title: `${flavour.title}, its socket over SSH by socat`,
    settings: { kind: "kea", ...home.ssh, persist: true },
    asked: { unit: "logins", count: home.logins },
    close: home.close,
  };
}

/** A server that passes requests on, and counts them. */
async function countRequests(url: string): Promise<{ url: string; count(): number; close(): void }> {
  let count = 0;
  const server = createServer(async (request, response) => {
    count++;
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { authorization = "" } = request.headers;
    const headers = { "content-type": "application/json", authorization };
    const answer = await fetch(url, { method: "POST", headers, body: Buffer.concat(parts) });
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    close: () => server.close().closeAllConnections(),
  };
}

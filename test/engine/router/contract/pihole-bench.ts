import assert from "node:assert/strict";
import { reservationsIn } from "../../../../steps/router/base/table.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import { parseEntry } from "../../../../steps/router/drivers/dnsmasq/config.ts";
import type { Bench } from "../bench.ts";
import { oddValues } from "../odd-values.ts";
import { brokenWebSettings } from "./broken.ts";
import { type PiHoleContract, password } from "./pihole-server.ts";

export const settingsOf = ({ url, fingerprint }: PiHoleContract, change: object = {}) =>
  ({ kind: "pihole", url, fingerprint, password, ...change }) as RouterSettings;

export function benchOf(server: PiHoleContract): Bench {
  let theirs: string[] = [];
  const add = (hosts: readonly string[]) => {
    theirs.push(...hosts);
    server.hosts = [...server.hosts, ...hosts];
  };
  return {
    settings: settingsOf(server),
    marksOwners: true,
    putOthers: async (reservations) => add(reservations.map(({ mac, ip, name }) => `${mac},${ip},${name}`)),
    putOddOthers: async (random) => add(oddValues(random)),
    others: async () => server.hosts.filter((host) => theirs.includes(host)).join("\n"),
    reserved: async () => reservationsIn(server.hosts.map((host) => parseEntry("", host))),
    async putLease({ mac, ip, name, expires }) {
      server.leases.push({ hwaddr: mac, ip, name: name || "*", expires, clientid: `01:${mac}` });
    },
    async cost() {
      const cost = { logins: server.logins, reloads: server.restarts };
      Object.assign(server, { logins: 0, restarts: 0 });
      assert.equal(server.sessions.size, 0, "a session was left open");
      return cost;
    },
    async forbidWriting() {
      server.isApp = true;
      return /^Nothing was changed on .*:\n {2}it lets this login change nothing: This password may only read/;
    },
    async turnOff() {
      server.active = false;
    },
    async reset() {
      theirs = [];
      server.beDown(0, 0);
      server.sessions.clear();
      Object.assign(server, { hosts: [], leases: [], active: true, isApp: false, appSudo: false, seatsTaken: 0 });
    },
    broken: brokenWebSettings((change) => settingsOf(server, change), /not accept the password.*tried once/),
    secrets: [password],
    close: () => server.close(),
  };
}

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { whyNoDebianRoot } from "../../debian-root.ts";
import { startHome, whyNoHome } from "../home.ts";
import { flavours, startKea } from "../kea/home.ts";

/** A real DHCP server underneath a contract server. */
export interface Real<Entry> {
  /** Starts it anew with these fixed leases, and without leases of machines. */
  start(entries: readonly Entry[]): Promise<void>;
  askForLease(mac: string): Promise<{ ip: string; hostname: string }>;
  close(): Promise<void>;
}

/** What a bench asks of the server underneath, if there is one. */
export const leasesOf = (real: Real<never> | undefined) =>
  real && { askForLease: (mac: string) => real.askForLease(mac) };

/** Kea, with reservations as its configuration has them; undefined if it can't be had here. */
export async function realKea(): Promise<Real<object> | undefined> {
  if (isMissing("Kea", (await whyNoHome()) ?? (await whyNoDebianRoot()))) return undefined;
  const [flavour] = flavours;
  assert.ok(flavour);
  const home = await startKea(flavour);
  return {
    start: (hosts) => home.restart(hosts),
    askForLease: (mac) => home.askForLease(mac),
    close: () => home.close(),
  };
}

/** dnsmasq, with values of `dhcp-host`; undefined if it can't be had here. */
export async function realDnsmasq(): Promise<Real<string> | undefined> {
  if (isMissing("dnsmasq", await whyNoHome())) return undefined;
  const home = await startHome();
  return {
    async start(hosts) {
      const lines = hosts.map((host) => `dhcp-host=${host}\n`);
      await writeFile(path.join(home.dir, "conf.d", "contract.conf"), lines.join(""));
      await home.forgetLeases();
    },
    askForLease: (mac) => home.askForLease(mac),
    close: () => home.close(),
  };
}

function isMissing(what: string, why: string | undefined): boolean {
  if (why) console.log(`      without a real ${what}: ${why}`);
  return why !== undefined;
}

import type { Lease, Reservation } from "../../../steps/router/base/driver.ts";
import type { RouterSettings } from "../../../steps/router/catalogue.ts";
import type { Random } from "../../random.ts";

/**
 * A router in 192.168.2.0/24, itself .1, which gives strangers .200 to .250: the real one, or one that answers as
 * documented.
 */
export interface Bench {
  settings: RouterSettings;
  /** Its entries can say who made them; otherwise only the stack's state knows. */
  marksOwners: boolean;
  /** Makes these entries as their owner would, beside those that are there. */
  putOthers(reservations: readonly Reservation[]): Promise<void>;
  /** The same with entries as odd as the router takes them, for MACs from 02:…, addresses from .150 to .199, names from x. */
  putOddOthers(random: Random): Promise<void>;
  /** Every entry that was put there, byte for byte as the router has it now. */
  others(): Promise<string>;
  /** What is reserved, whoever did it; odd entries may be left out. */
  reserved(): Promise<Reservation[]>;
  /** Lets the router have given out this lease. */
  putLease(lease: Lease & { expires: number }): Promise<void>;
  /** How often somebody logged in, and the router read its configuration again if that can be seen, since the last call. */
  cost(): Promise<{ logins: number; reloads?: number }>;
  /** Its DHCP server gives out no addresses, until `reset`. */
  turnOff(): Promise<void>;
  /**
   * Its login may only look, until `reset`; answers what `up` says then. Missing where the router does not tell that
   * before a change.
   */
  forbidWriting?(): Promise<RegExp>;
  /** Without entries and leases. */
  reset(): Promise<void>;
  /** What a machine gets that is switched on now; missing where no real server gives out leases. */
  askForLease?(mac: string): Promise<{ ip: string; hostname: string }>;
  /** Settings that can't work, and what the message must have. */
  broken: readonly { what: string; settings: RouterSettings; says: RegExp }[];
  /** No message may contain one of these. */
  secrets: readonly string[];
  close(): Promise<void>;
}

/** The machines of all cases: pi1 is at .51, and so on. */
export const machine = (number: number, change: Partial<Reservation> = {}): Reservation => ({
  name: `pi${number}`,
  mac: `b8:27:eb:00:00:${number.toString(16).padStart(2, "0")}`,
  ip: `192.168.2.${50 + number}`,
  ...change,
});

/** Of somebody else. */
export const nas: Reservation = { name: "nas", mac: "b8:27:eb:00:01:77", ip: "192.168.2.7" };

/** A fixed lease: the machine with this MAC gets this address and this name. */
export interface Reservation {
  /** Host name, lower case, without the domain. */
  name: string;
  /** Six lower-case hex pairs with colons. */
  mac: string;
  /** IPv4, dotted. */
  ip: string;
}

/** A lease that the router has given out, as its own lease table has it. */
export interface Lease extends Reservation {
  /** Seconds since 1970. */
  expires: number;
}

/**
 * One home router. Drivers are idempotent and keyed by MAC: they adopt an identical entry, refuse a conflict
 * (same IP or name, other MAC) by name, remove only what they added, and read back what they wrote.
 */
export interface Router {
  /**
   * Makes the reservation, or changes the one that this MAC has. Returns what to tell the user, if anything.
   * `previous` is what stood here before, when its MAC was another (a new board in an old place): ours goes in the same step.
   */
  reserve(reservation: Reservation, previous?: Reservation): Promise<string | undefined>;
  /** Removes the MAC's reservation if it is ours; nothing happens when there is none. */
  release(reservation: Reservation): Promise<string | undefined>;
  /** Every reservation that the router knows, others' included. */
  reservations(): Promise<Reservation[]>;
  leases(): Promise<Lease[]>;
}

/** How to reach a dnsmasq router; `ssh` and its own configuration do the rest. */
export interface DnsmasqRouter {
  kind: "dnsmasq";
  /** Name or address of the router, as ssh takes it. */
  host: string;
  port: number;
  user: string;
  /** The router's public host key, "ssh-ed25519 AAAA…"; without it the user's own known_hosts must know the router. */
  hostKey?: string | undefined;
  /** Path of a private key; without it the user's own keys and agent are used. */
  keyFile?: string | undefined;
  /** The folder on the router that its `dhcp-hostsdir` names. */
  hostsDir: string;
  /** The file on the router with its leases. */
  leaseFile: string;
}

/** Any other router: piinit says what to type in, and the gate checks the outcome. */
export interface ManualRouter {
  kind: "manual";
}

export type RouterSettings = DnsmasqRouter | ManualRouter;

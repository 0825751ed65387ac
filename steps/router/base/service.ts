/** What a router's DHCP server says of itself. */
export interface Service {
  /** Why it gives out no addresses, if it doesn't, and what to do there. */
  off?: string | undefined;
  /** Why this login may change nothing there, as far as the router tells, and what to do. */
  denied?: string | undefined;
  /** Where it gives out addresses; undefined if it doesn't tell. */
  networks: readonly ServedNetwork[] | undefined;
  /** The domain that machines get with their addresses, if it tells. */
  domain?: string | undefined;
  /** Machines get no name with a fixed address. */
  isNameless?: boolean;
}

/** A network in which a router gives out addresses. */
export interface ServedNetwork {
  /** What the router calls it, if it has more names for it than its addresses. */
  name?: string | undefined;
  /** An address in it with the prefix' length: the router's own, or else the network's. Undefined if the router doesn't tell. */
  cidr: string | undefined;
  /** An address in it, where the router tells neither that nor a pool. */
  inside?: string | undefined;
  /** What it gives to any machine. */
  pools: readonly Pool[];
  /** A fixed address must be none of a pool's. */
  keepsPools?: boolean;
}

/** Addresses, with both of its ends. */
export interface Pool {
  first: string;
  last: string;
}

/** Who publishes programs, and what proves that a file is theirs. */
export interface Publisher {
  /** Where the releases are. */
  baseUrl: string;
  /** Signs the lists of sums; undefined for a publisher that has none. */
  key?: PublisherKey;
  /** SHA-256 sums of archives of the pinned versions by file name, as far as they are known without asking the publisher. */
  sums: Readonly<Record<string, string>>;
}

/** An OpenPGP key. */
export interface PublisherKey {
  owner: string;
  /** Upper-case hex. */
  fingerprint: string;
  /** Where the owner tells the fingerprint. */
  published: string;
  /** The public key in ASCII armor. */
  armored: string;
}

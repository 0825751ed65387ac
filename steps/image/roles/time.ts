import { type Contribution, enable, file, mask } from "../manifest/contribution.ts";

/**
 * The time of day, by NTP: from the servers that the lease names, else from Debian's. The last known time is kept, so
 * that a board without a clock never starts before the time at which it stopped, unless its root is read-only. Such a
 * board also holds back what is ordered after time-sync.target (Consul, Nomad, Prometheus) until the time is right, for two minutes
 * at most: a house without internet has to start as well.
 */
export function timeSync({ hasClock }: { hasClock: boolean }): Contribution {
  const wait = "systemd-time-wait-sync.service";
  return {
    packages: ["systemd-timesyncd"],
    files: [
      file("/etc/systemd/timesyncd.conf.d/piinit.conf", timesyncd),
      ...(hasClock ? [] : [file(`/etc/systemd/system/${wait}.d/timeout.conf`, twoMinutes)]),
    ],
    links: [
      enable("systemd-timesyncd.service", "sysinit.target"),
      hasClock ? mask(wait) : enable(wait, "sysinit.target"),
    ],
  };
}

// The default writes to the card once a minute while no server answers.
const timesyncd = `[Time]
SaveIntervalSec=1h
`;

// A unit that times out counts as failed, so the program itself has the time limit.
const twoMinutes = `[Service]
ExecStart=
ExecStart=-/usr/bin/timeout 120 /usr/lib/systemd/systemd-time-wait-sync
`;

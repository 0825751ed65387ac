import { home, imageWith } from "../../unit/image/roles/fixture.ts";
import { until } from "../agents.ts";
import { jobs, servers, tell } from "./metrics.ts";
import { startMonitor } from "./monitor.ts";

/** A home whose cluster's page is looked at. */
export interface PageHome {
  url: string;
  /** The page's source. */
  read(): Promise<string>;
  /** From now on it is in this state; waits until the page has all of that, and these signs. */
  show(state: State, ...signs: readonly RegExp[]): Promise<void>;
  stop(): Promise<void>;
}

export interface State {
  /** The servers that do. */
  answering: readonly string[];
  /** What the page says first. */
  says: RegExp;
}

/** What can be with three servers. */
export const states = {
  healthy: { answering: ["pi1", "pi2", "pi3"], says: /All is well\./ },
  degraded: { answering: ["pi2", "pi3"], says: /Consul has just enough servers/ },
  "without a quorum": { answering: ["pi3"], says: /Consul has no leader/ },
} satisfies Record<string, State>;

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

export async function startPageHome(): Promise<PageHome> {
  const machines = home.machines.filter(({ name }) => servers.some((one) => one === name));
  const image = imageWith({ prometheus: true }, { context: { ...home, machines } });
  const monitor = await startMonitor(image, jobs, servers);
  const url = `${monitor.url}/consoles/cluster.html`;
  const read = async () => (await fetch(url)).text();
  return {
    url,
    read,
    show: ({ answering, says }, ...more) => {
      const silent = servers.length - answering.length;
      return until(`the page says ${[says, ...more]}`, async () => {
        tell(monitor, answering);
        const page = await read().catch(() => "");
        const isWhole = [
          count(page, />on</g) === answering.length,
          count(page, />does not answer</g) === silent,
          count(page, new RegExp(`: ${answering.length} of 3 servers answer`, "g")) === 2,
        ].every(Boolean);
        return isWhole && [says, ...more].every((sign) => sign.test(page));
      });
    },
    stop: () => monitor.stop(),
  };
}

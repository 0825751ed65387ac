import type { Host } from "./tr064.ts";

/** A machine and how it is to be called. */
interface Named {
  mac: string;
  name: string;
}

const same = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase();

/** Names that machines have which are not in the table: those must be renamed first, by their owner. */
export function takenNames(hosts: readonly Host[], wanted: readonly Named[]): { name: string; by: Host }[] {
  const macs = new Set(wanted.map(({ mac }) => mac));
  return wanted.flatMap(({ name }) => {
    const by = hosts.find((host) => same(host.name, name) && !macs.has(host.mac));
    return by ? [{ name, by }] : [];
  });
}

/**
 * In which order known machines get their names, so that no name is there twice; of machines that exchange theirs, one
 * is called by its MAC address for the moment.
 */
export function renamings(hosts: readonly Host[], wanted: readonly Named[]): Named[] {
  const taken = new Set(takenNames(hosts, wanted).map(({ name }) => name));
  const names = new Map(hosts.map(({ mac, name }) => [mac, name]));
  const pending = new Map(
    wanted
      .filter(({ mac, name }) => names.has(mac) && !same(names.get(mac), name) && !taken.has(name))
      .map(({ mac, name }) => [mac, name]),
  );
  const done: Named[] = [];
  const rename = (mac: string, name: string) => {
    names.set(mac, name);
    done.push({ mac, name });
  };
  while (pending.size > 0) {
    const isHeld = (name: string) => [...pending.keys()].some((mac) => same(names.get(mac), name));
    const free = [...pending].filter(([, name]) => !isHeld(name));
    for (const [mac, name] of free) {
      rename(mac, name);
      pending.delete(mac);
    }
    const [first] = free.length > 0 ? [] : pending.keys();
    if (first) rename(first, `piinit-${first.replaceAll(":", "")}`);
  }
  return done;
}

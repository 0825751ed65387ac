import type { Random } from "../../random.ts";

/** What people write into dnsmasq's `dhcp-host`: tags, lease times, several MACs, other networks, only a name, IPv6. */
export function oddValues({ below, pick }: Random): string[] {
  return Array.from({ length: 30 }, (_, index) => {
    const mac = `02:00:00:00:${below(90) + 10}:${index + 10}`;
    return pick([
      `${mac},192.168.2.${150 + index},x${index}`,
      `${mac.toUpperCase()},set:tv,x${index},12h`,
      `${mac},02:00:00:01:00:${index + 10},192.168.2.${150 + index}`,
      `${mac},10.1.0.${index},infinite`,
      `${mac},[fd00::${index}],x${index}`,
      `id:x${index},192.168.2.${150 + index}`,
      `x${index},45m`,
      `${mac},ignore`,
    ]);
  });
}

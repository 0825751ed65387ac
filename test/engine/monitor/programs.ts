import { debianRoot } from "../debian-root.ts";

/** Debian's Prometheus and Alertmanager, with the programs that check their files. */
export const monitorRoot = () => debianRoot("monitor", ["prometheus", "prometheus-alertmanager"]);

import { quote } from "../../../../lib/shell.ts";

const configFile = "/etc/config/dhcp";
/** Where settings are written before they take the place of those in force; uci looks at no hidden file. */
const next = "/etc/config/.piinit";

/**
 * A copy of a configuration under a name of our own, in a folder of our own: whatever `uci` is told, it adds the changes
 * of others that wait under the configuration's own name, and would commit them.
 */
const copyOf = (config: string): string[] => [
  "umask 077",
  "work=$(mktemp -d /tmp/piinit.XXXXXX)",
  `trap 'rm -rf "$work"' EXIT`,
  `mkdir "$work/config" "$work/changes"`,
  `cp ${config} "$work/config/piinit"`,
  `edit() { uci -c "$work/config" -t "$work/changes" "$@"; }`,
];

/**
 * Waits until a change that went on after its connection had broken is done; the end of a script gives the lock back.
 * Somebody who may only look has to wait, too, so the lock is not opened for writing.
 */
const lock = ["[ -e /tmp/piinit.lock ] || : >/tmp/piinit.lock", "exec 9</tmp/piinit.lock", "flock 9"];

/** Prints a sum by which a change of dnsmasq's settings is noticed; fails where there is no uci, or who logs in may not read them. */
export const sumScript = [
  `command -v uci >/dev/null || { echo "there is no uci, so this is not OpenWrt: set another kind of router" >&2; exit 1; }`,
  `[ ! -e ${configFile} ] || [ -r ${configFile} ] || { echo "this login may not read ${configFile}: set user to one who may read and write it (root may)" >&2; exit 1; }`,
  ...lock,
  `md5sum <${configFile}`,
].join("\n");

/** Prints a configuration as it is in force, or nothing if there is none of that name. */
export const showScript = (config: "dhcp" | "network"): string =>
  ["set -e", `[ -e /etc/config/${config} ] || exit 0`, ...copyOf(`/etc/config/${config}`), "edit show piinit"].join(
    "\n",
  );

/** Prints the numbers of the running dnsmasq processes, if any, and the paths that a change writes to and this user may not. */
export const stateScript = [
  "pidof dnsmasq || true",
  `for path in /etc/config ${configFile}; do [ -w "$path" ] || echo "$path"; done`,
].join("\n");

interface Change {
  /** Commands of `uci batch`, at least one. */
  batch: readonly string[];
  /** The sum of the settings for which the batch was made. */
  sum: string;
  /** Whether dnsmasq must run afterwards. */
  mustRun: boolean;
}

/**
 * Changes dnsmasq's settings, makes it read them, and waits until it has been running for two seconds. If it does not
 * within eight, puts the old settings back. It goes on when the connection breaks, so the settings are never half
 * changed, and leaves no file when it fails. `uci batch` succeeds whatever happens, but not silently.
 */
export function changeScript({ batch, sum, mustRun }: Change): string {
  return [
    "set -e",
    ...lock,
    ...copyOf(configFile),
    `trap 'rm -rf "$work" ${next}' EXIT`,
    "trap '' HUP INT PIPE TERM",
    `cp "$work/config/piinit" "$work/old"`,
    `complaint=$(printf '%s\\n' ${batch.map(quote).join(" ")} | edit batch 2>&1)`,
    `[ -z "$complaint" ] || { printf '%s\\n' "$complaint" >&2; exit 1; }`,
    "edit commit piinit",
    `put() { cp -p ${configFile} ${next} && cat "$1" >${next} && mv ${next} ${configFile} && sync; }`,
    `[ "$(md5sum <${configFile})" = ${quote(sum)} ] || { echo "something else changed ${configFile} at the same time: run the same command again" >&2; exit 1; }`,
    `put "$work/config/piinit"`,
    `reload() { ${reloadScript} 9>&- >"$work/reload" 2>&1 || { cat "$work/reload" >&2; return 1; }; }`,
    ...runs,
    `if reload${mustRun ? " && runs" : ""}; then exit 0; fi`,
    "/sbin/logread -e dnsmasq 2>/dev/null | tail -n 3 >&2 || true",
    `put "$work/old"`,
    "reload || true",
    ...(mustRun ? ['runs || echo "dnsmasq does not run" >&2'] : []),
    `echo "dnsmasq did not take the new reservations" >&2`,
    "exit 1",
  ].join("\n");
}

/** Makes dnsmasq read its settings; where they are what it has, it only reads its files of hosts again. */
export const reloadScript = "/etc/init.d/dnsmasq reload </dev/null";

/** OpenWrt starts a dnsmasq that ends again and again, five seconds later each time. */
const runs = [
  "runs() {",
  "  last=$(pidof dnsmasq)",
  "  for _ in 1 2 3 4; do",
  "    sleep 2",
  "    now=$(pidof dnsmasq)",
  `    if [ -n "$now" ] && [ "$now" = "$last" ]; then return 0; fi`,
  "    last=$now",
  "  done",
  "  return 1",
  "}",
];

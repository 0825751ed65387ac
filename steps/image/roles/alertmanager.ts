import { stringify } from "yaml";
import { z } from "zod";
import { combine, defineRole, enable, file } from "../manifest/contribution.ts";
import {
  messageTemplates,
  type Receivers,
  receiverNames,
  receiverOf,
  receiversSchema,
  secretUrl,
} from "./alert-receivers.ts";

const time = (description: string, example: string) =>
  z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as "22:30", in quotes')
    .meta({ description, example });

const schema = z
  .strictObject({
    ...receiversSchema,
    quiet: z
      .strictObject({
        from: time("When it begins.", "22:30"),
        to: time("When it ends.", "07:00"),
        zone: z
          .string()
          .refine(isTimeZone, "must be a time zone such as Europe/Berlin")
          .meta({ description: "Whose time that is.", example: "Europe/Berlin" }),
      })
      .optional()
      .meta({ description: "The hours in which only a cluster that stops, or is about to, wakes anybody." }),
    heartbeat: secretUrl(
      "Asked every five minutes while all is in order here; who does not hear from it any more tells you.",
      "https://hc-ping.com/UUID",
    ).optional(),
  })
  .refine((options) => receiverNames.some((name) => options[name]), `must have one of ${receiverNames.join(", ")}`)
  .meta({ description: "Tells people of the alerts of this machine's Prometheus." });

type Options = z.output<typeof schema>;

/** Where Prometheus looks for who tells people. */
export const alertmanagersFile = "/etc/prometheus/alertmanagers.yml";

/** The alert that is always there: without it, the monitor itself is gone. */
export const heartbeatAlert = "Heartbeat";

const address = "127.0.0.1:9093";
const configFile = "/etc/prometheus/alertmanager.yml";
const templatesFile = "/etc/prometheus/alert-messages.tmpl";

/** Alertmanager, for the Prometheus of the same machine alone: nothing else reaches it. */
export const alertmanager = defineRole({
  schema,
  row: {
    options: `at least one of ${receiverNames.map((name) => `\`${name}\``).join(", ")}; \`quiet\`, \`heartbeat\``,
  },
  refuse: (_options, { roles }) =>
    roles.includes("prometheus") ? undefined : "must be beside the role prometheus, whose alerts it tells of",
  contribute: (options) =>
    combine({
      packages: ["prometheus-alertmanager", ...(options.quiet ? ["tzdata"] : [])],
      files: [
        file(alertmanagersFile, stringify([{ targets: [address] }])),
        file(configFile, stringify(configuration(options), { lineWidth: 0 }), { mode: "0600", owner: "prometheus" }),
        file(templatesFile, messageTemplates),
        file("/etc/tmpfiles.d/alertmanager-data.conf", "d /data/alertmanager 0750 prometheus prometheus\n"),
        file("/etc/systemd/system/prometheus-alertmanager.service.d/piinit.conf", dropIn),
      ],
      links: [enable("prometheus-alertmanager.service", "multi-user.target")],
    }),
});

function isTimeZone(zone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: zone }));
  } catch {
    return false;
  }
}

/** All that is wrong is one message, and another one when that changes, because a fault has several alerts. */
function configuration({ quiet, heartbeat, ...receivers }: Options): object {
  const isHeartbeat = { matchers: [`alertname="${heartbeatAlert}"`] };
  return {
    templates: [templatesFile],
    route: {
      receiver: "home",
      group_wait: "1m",
      group_interval: "5m",
      repeat_interval: "7d",
      routes: [
        heartbeat
          ? { ...isHeartbeat, receiver: "heartbeat", group_wait: "0s", group_interval: "5m", repeat_interval: "5m" }
          : { ...isHeartbeat, receiver: "nobody" },
        ...(quiet ? [{ matchers: ['severity="warning"'], mute_time_intervals: ["quiet"] }] : []),
      ],
    },
    ...(quiet && { time_intervals: [{ name: "quiet", time_intervals: quietIntervals(quiet) }] }),
    receivers: [
      receiverOf(receivers as Receivers),
      { name: "nobody" },
      ...(heartbeat ? [{ name: "heartbeat", webhook_configs: [{ url: heartbeat, send_resolved: false }] }] : []),
    ],
  };
}

/** Alertmanager's hours don't go over midnight. */
function quietIntervals({ from, to, zone }: NonNullable<Options["quiet"]>): object[] {
  const parts =
    from < to
      ? [[from, to]]
      : [
          [from, "24:00"],
          ["00:00", to],
        ];
  const times = parts
    .filter(([start, end]) => start !== end)
    .map(([start, end]) => ({ start_time: start, end_time: end }));
  return [{ times, location: zone }];
}

const dropIn = `[Unit]
RequiresMountsFor=/data
StartLimitIntervalSec=0

[Service]
ExecStart=
ExecStart=/usr/bin/prometheus-alertmanager --config.file=${configFile} --storage.path=/data/alertmanager --data.retention=336h --web.listen-address=${address} --cluster.listen-address=
Restart=always
RestartSec=5
`;

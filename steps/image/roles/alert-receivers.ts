import { z } from "zod";

/** Who knows it can use it. */
export const secretUrl = (description: string, example: string) =>
  z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }).meta({
    description,
    example,
    secret: "always",
  });
const secret = (description: string, example: string) =>
  z.string().min(1, "must not be empty").meta({ description, example, secret: "always" });

const mail = z.string().regex(/^[^\s@<>,]+@[^\s@<>,]+$/, "must be one e-mail address such as you@example.org");

/** Where messages go. A new kind is one here, and one below. */
export const receiversSchema = {
  ntfy: z
    .strictObject({
      url: secretUrl(
        "The topic's URL, at ntfy.sh or your own server; who knows it can read along.",
        "https://ntfy.sh/TOPIC",
      ),
    })
    .optional()
    .meta({ description: "Messages by ntfy, 2.10 or newer." }),
  telegram: z
    .strictObject({
      token: secret("The bot's token, as @BotFather gives it.", "123456:ABC"),
      chat: z
        .int()
        .meta({ description: "The chat's number: write to the bot, then ask its `getUpdates`.", example: 12345678 }),
    })
    .optional()
    .meta({ description: "Messages by a Telegram bot of your own." }),
  pushover: z
    .strictObject({
      token: secret("The application's token.", "azGDORePK8gMaC0QOYAMyEEuzJnyUi"),
      user: secret("Your user key, or a group's.", "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"),
    })
    .optional()
    .meta({ description: "Messages by Pushover." }),
  email: z
    .strictObject({
      to: mail.meta({ description: "Who gets them.", example: "you@example.org" }),
      from: mail.meta({ description: "Whom they come from.", example: "home@example.org" }),
      server: z
        .string()
        .regex(/^[\w.-]+:\d+$/, "must be HOST:PORT such as mail.example.org:587")
        .meta({ description: "The mail server, which has to offer encryption.", example: "mail.example.org:587" }),
      user: z.string().meta({ description: "Who logs in there.", example: "home@example.org" }),
      password: secret("With this password.", "swordfish"),
    })
    .optional()
    .meta({ description: "Messages by e-mail." }),
  webhook: z
    .strictObject({
      url: secretUrl("Gets Alertmanager's JSON by POST.", "https://example.org/alerts"),
    })
    .optional()
    .meta({ description: "Messages to a program of yours." }),
};

export type Receivers = z.output<z.ZodObject<typeof receiversSchema>>;
export const receiverNames = Object.keys(receiversSchema) as (keyof Receivers)[];

const title = '{{ template "piinit.title" . }}';
const text = '{{ template "piinit.text" . }}';

/** What Alertmanager calls a receiver, with all that are set. */
export function receiverOf({ ntfy, telegram, pushover, email, webhook }: Receivers): object {
  return {
    name: "home",
    webhook_configs: [...(ntfy ? [{ url: ntfyUrl(ntfy.url) }] : []), ...(webhook ? [{ url: webhook.url }] : [])],
    telegram_configs: telegram
      ? [{ bot_token: telegram.token, chat_id: telegram.chat, parse_mode: "", message: `${title}\n\n${text}` }]
      : [],
    pushover_configs: pushover ? [{ token: pushover.token, user_key: pushover.user, title, message: text }] : [],
    email_configs: email ? [mailConfig(email)] : [],
  };
}

function mailConfig({ to, from, server, user, password }: NonNullable<Receivers["email"]>): object {
  const login = { smarthost: server, auth_username: user, auth_password: password };
  return { to, from, ...login, headers: { Subject: title }, html: "", text, send_resolved: true };
}

/** ntfy makes the message itself, of Alertmanager's JSON, in Go's language of templates. */
function ntfyUrl(topic: string): string {
  const filled = new URL(topic);
  filled.searchParams.set("tpl", "1");
  filled.searchParams.set("t", '{{ if eq .status "firing" }}Something needs you{{ else }}All is well again{{ end }}');
  filled.searchParams.set(
    "m",
    '{{ range .alerts }}{{ if eq .status "resolved" }}Over: {{ end }}{{ .annotations.summary }}{{ if eq .status "firing" }}\n{{ .annotations.help }}{{ end }}\n\n{{ end }}',
  );
  return filled.href;
}

/** What "piinit.title" and "piinit.text" are: what is wrong now, with what helps, and what is over. */
export const messageTemplates = `{{ define "piinit.title" -}}
{{ if eq (len .Alerts.Firing) 0 }}All is well again
{{- else if eq (len .Alerts.Firing) 1 }}{{ (index .Alerts.Firing 0).Annotations.summary }}
{{- else }}{{ len .Alerts.Firing }} things need you{{ end }}
{{- end }}
{{ define "piinit.text" -}}
{{ range .Alerts.Firing }}{{ .Annotations.summary }}
{{ .Annotations.help }}

{{ end }}{{ range .Alerts.Resolved }}Over: {{ .Annotations.summary }}
{{ end }}
{{- end }}
`;

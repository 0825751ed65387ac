import { z } from "zod";
import { NotLetIn, openWeb, Refusal, type WebServer } from "../../base/web.ts";
import { type Answer, answer, type Channel, type Channels, type Command, isEnd } from "./channel.ts";

export interface HttpSettings extends WebServer {
  user?: string | undefined;
  password?: string | undefined;
}

export const titleOverHttp = ({ url }: HttpSettings): string => `Kea at ${url}`;

const answers = z.array(answer).min(1);

/** Kea's own HTTP socket, or its control agent. A change takes milliseconds. */
export const overHttp = (settings: HttpSettings, signal: AbortSignal): Channels => ({
  look: open(settings, signal),
  act: open(settings, new AbortController().signal),
});

function open(settings: HttpSettings, signal: AbortSignal): Channel {
  const title = titleOverHttp(settings);
  const web = openWeb("Kea", settings, signal);
  const { user, password } = settings;
  const login = user === undefined ? undefined : Buffer.from(`${user}:${password ?? ""}`).toString("base64");
  const askOne = async ({ expects: _, ...command }: Command): Promise<Answer> => {
    const [first] = await web
      .ask({
        method: "POST",
        path: "/",
        headers: login === undefined ? {} : { authorization: `Basic ${login}` },
        // The control agent would answer for itself without the service; Kea 3's own socket ignores it.
        body: { ...command, service: ["dhcp4"] },
        schema: answers,
      })
      .catch((error) => {
        if (error instanceof Refusal && error.status === 401) throw new NotLetIn(notLetIn(title, user));
        throw error;
      });
    return first as Answer;
  };
  return {
    title,
    async ask(commands) {
      const given: Answer[] = [];
      for (const command of commands) {
        const one = await askOne(command);
        given.push(one);
        if (isEnd(one, command)) break;
      }
      return given;
    },
  };
}

function notLetIn(title: string, user: string | undefined): string {
  return user === undefined
    ? `${title} wants a user and a password: set router.user and router.password`
    : `${title} does not let ${user} in with that password: correct router.user and router.password`;
}

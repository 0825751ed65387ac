import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../lib/errors.ts";
import { NoAnswer } from "../lib/http.ts";
import type { Progress } from "../lib/progress.ts";
import type { AgentName } from "./agents.ts";

/** An agent's servers: any of them answers for all. */
export class Servers {
  readonly #agent: AgentName;
  readonly #urls: readonly string[];
  readonly #times: { poll: number; silence: number };
  /** The one that answered last. */
  #url: string;

  /** `silence`: how many milliseconds all may be silent, as they are while they elect a leader. */
  constructor(agent: AgentName, urls: readonly string[], times: { poll: number; silence: number }) {
    this.#agent = agent;
    this.#urls = urls;
    this.#times = times;
    this.#url = urls[0] ?? "";
  }

  /**
   * The first answer that there is, from the server that answered last or the next one.
   * @throws UserError if none has answered for long
   */
  async ask<T>(question: (url: string) => Promise<T>, progress: Progress, signal?: AbortSignal): Promise<T> {
    const end = performance.now() + this.#times.silence;
    let said = "";
    for (;;) {
      const silences: string[] = [];
      for (const url of this.#inOrder()) {
        try {
          const answer = await question(url);
          this.#url = url;
          return answer;
        } catch (error) {
          if (!(error instanceof NoAnswer) || signal?.aborted) throw error;
          silences.push(`${url}: ${error.message}`);
        }
      }
      const silence = `no answer from ${this.#agent} at ${silences.join(", ")}`;
      if (performance.now() >= end)
        throw new UserError(
          `${silence}; none for ${Math.round(this.#times.silence / 1000)} s. See ./piinit status, then run up again.`,
        );
      if (silence !== said) progress.step(`waiting for ${this.#agent}: ${silence}`);
      said = silence;
      await pause(this.#times.poll, undefined, signal && { signal }).catch(() => {});
    }
  }

  #inOrder(): string[] {
    return [this.#url, ...this.#urls.filter((url) => url !== this.#url)];
  }
}

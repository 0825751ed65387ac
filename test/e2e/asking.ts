import assert from "node:assert/strict";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";

/** Milliseconds. */
export const minutes = 60_000;

/** Asks until the answer is right; what fails now, as between two leaders, may work later. The last answer is in the error. */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer>,
  isRight: (answer: Answer) => boolean,
) {
  const end = Date.now() + 8 * minutes;
  for (;;) {
    const answer = await ask().catch((error: Error) => error);
    if (!(answer instanceof Error) && isRight(answer)) return answer;
    assert.ok(Date.now() < end, `${what}: still ${answer instanceof Error ? answer.message : JSON.stringify(answer)}`);
    await sleep(2000);
  }
}

/** Asks until there is an answer. */
export async function untilDefined<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer> {
  const end = Date.now() + 20 * minutes;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    assert.ok(Date.now() < end, "waited too long");
    await sleep(1000);
  }
}

/** Whether something on that port of 127.0.0.1 shows a certificate, whosever that is. */
export function showsCertificate(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false, timeout: 2000 });
    socket.once("secureConnect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("timeout", () => resolve(false));
    socket.once("secureConnect", () => socket.destroy()).once("timeout", () => socket.destroy());
  });
}

/** Whether something listens on that port of 127.0.0.1. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
  });
}

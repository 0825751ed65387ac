import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { randomFrom } from "../random.ts";

/**
 * What a broken router runs in place of a shell, told by a seed: reads the frame of a script (steps/router/base/remote-shell.ts)
 * and answers it wrongly.
 */
const { below, number, pick } = randomFrom(Number(process.argv[2]));
const flood = 100 << 20;

const texts = [
  "",
  "{}",
  "null",
  "dnsmasq",
  "b8:27:eb:00:00:01,192.168.2.51,pi1",
  "\u001b[2J",
  "é\u0000",
  "a\tb",
  "x".repeat(1e5),
];
const lines = () => Array.from({ length: below(6) }, () => `${pick(texts)}\n`).join("");

const kinds: Readonly<Record<string, (mark: string) => Promise<void> | void>> = {
  silence: () => new Promise((resolve) => setTimeout(resolve, 600_000)),
  end: () => process.exit(below(256)),
  "other lines": (mark) => write(`${mark}\n${lines()}\n${mark} 0\n${lines()}${mark}\n`),
  complaint: (mark) => write(`${mark}\n${lines()}\n${mark} ${below(256)}\n${lines()}\n${mark}\n`),
  "another mark": () => write(`${randomUUID()}\n${lines()}\n`),
  "no number": (mark) => write(`${mark}\n${lines()}\n${mark} ${pick(texts)}\n${mark}\n`),
  cut: async (mark) => {
    const whole = `${mark}\n${lines()}\n${mark} 0\n\n${mark}\n`;
    await write(whole.slice(0, Math.floor(number() * whole.length)));
    process.exit(0);
  },
  "100 MiB in a line": (mark) => pour(`${mark}\n`, Buffer.alloc(1 << 16, "x")),
  "100 MiB of lines": (mark) => pour(`${mark}\n`, Buffer.from("some line\n".repeat(6000))),
  "100 MiB before the answer": () => pour("", Buffer.alloc(1 << 16, "y\n")),
};

const [, answer] = pick(Object.entries(kinds));
for await (const line of createInterface({ input: process.stdin })) {
  const [, mark] = /^printf '%s\\n' ([\da-f-]{36})$/.exec(line) ?? [];
  if (mark) await answer(mark);
}

function write(text: string | Buffer): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

async function pour(head: string, piece: Buffer): Promise<void> {
  await write(head);
  for (let left = flood; left > 0; left -= piece.length) await write(piece);
  if (number() < 0.5) process.exit(0);
}

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { projectDir } from "../../lib/paths.ts";

/** Raspberry Pi's blocks of addresses, as the IEEE had them in August 2026; the last two are parts of larger blocks. */
const raspberryPi = [
  "b8:27:eb",
  "dc:a6:32",
  "e4:5f:01",
  "28:cd:c1",
  "d8:3a:dd",
  "2c:cf:67",
  "88:a2:9e",
  "98:fe:54",
  "f0:40:af:9",
  "8c:1f:64:34:a",
];

export const isRaspberryPi = (mac: string): boolean => raspberryPi.some((block) => mac.startsWith(block));

/** Who made a network card, by its MAC address; "" if nobody knows. */
export type MakerOf = (mac: string) => string;

/** The IEEE's list, 5 MB, as the package oui-data has it: loaded only where a table is shown. */
export async function loadMakers(): Promise<MakerOf> {
  const file = createRequire(path.join(projectDir, "package.json")).resolve("oui-data");
  const makers = new Map(Object.entries(JSON.parse(await readFile(file, "utf8")) as Record<string, string>));
  return (mac) => makerIn(makers, mac);
}

/** Telephones and virtual machines make their addresses up. Blocks have 36, 28 or 24 bits; the smallest one counts. */
export function makerIn(makers: ReadonlyMap<string, string>, mac: string): string {
  if (isRaspberryPi(mac)) return "Raspberry Pi";
  if (/^.[26ae]/.test(mac)) return "made up";
  const digits = mac.replaceAll(":", "").toUpperCase();
  const found = [9, 7, 6].flatMap((length) => makers.get(digits.slice(0, length)) ?? [])[0];
  return found?.split("\n", 1)[0] ?? "";
}

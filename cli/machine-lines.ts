import { isIPv4 } from "node:net";
import { UserError } from "../lib/errors.ts";
import type { NamedMachine } from "./home-stack.ts";

const macPattern = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/** Reads `NAME=MAC,IP[,IMAGE]`, each once for a machine; names all lines that are none. */
export function parseMachines(options: readonly string[]): NamedMachine[] {
  const parsed = options.map((option) => ({ option, machine: parseOption(option) }));
  const faults = parsed.filter(({ machine }) => !machine).map(({ option }) => `  ${option}`);
  if (faults.length > 0) {
    throw new UserError(
      [
        "--machine takes a name, a MAC and an IP address, such as pi1=b8:27:eb:00:00:01,192.168.2.51. Not so:",
        ...faults,
      ].join("\n"),
    );
  }
  return parsed.flatMap(({ machine }) => machine ?? []);
}

function parseOption(option: string): NamedMachine | undefined {
  const [, name = "", mac = "", ip = "", image] = /^([^=]+)=([^,]+),([^,]+)(?:,([^,]+))?$/.exec(option) ?? [];
  if (!macPattern.test(mac) || !isIPv4(ip)) return undefined;
  return { name, mac: macOf(mac), ip, image };
}

const macOf = (text: string) => text.toLowerCase().replaceAll("-", ":");

/**
 * Reads a person's line about a machine: its MAC address, and before or after it another name or address where the
 * proposed ones don't fit. Returns what is wrong with it as a text.
 */
export function parseLine(line: string, proposed: Omit<NamedMachine, "mac">): NamedMachine | string {
  const words = line.split(/[\s,]+/).filter(Boolean);
  const [mac, ...moreMacs] = words.filter((word) => macPattern.test(word));
  const [ip = proposed.ip, ...moreIps] = words.filter((word) => isIPv4(word));
  const [name = proposed.name, ...moreNames] = words.filter((word) => !macPattern.test(word) && !isIPv4(word));
  if (!mac) return "there is no MAC address, such as b8:27:eb:00:00:01, in this line";
  if (moreMacs.length + moreIps.length + moreNames.length > 0) return "a line is for one machine: name, MAC, IP";
  return { ...proposed, name, mac: macOf(mac), ip };
}

/** Asks for each proposed machine, until its line is right. */
export async function askForMachines(
  proposed: readonly Omit<NamedMachine, "mac">[],
  ask: (question: string) => Promise<string>,
): Promise<NamedMachine[]> {
  const machines: NamedMachine[] = [];
  for (const machine of proposed) {
    let line = await ask(`${machine.name} at ${machine.ip}, MAC address (or: name MAC IP): `);
    for (;;) {
      const answer = parseLine(line, machine);
      if (typeof answer !== "string") {
        machines.push(answer);
        break;
      }
      line = await ask(`${answer}. Again: `);
    }
  }
  return machines;
}

import { isIPv4 } from "node:net";
import { UserError } from "../../lib/errors.ts";
import type { NamedMachine, ProposedMachine } from "./home-stack.ts";

const macPattern = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/** Parses options of the form `NAME=MAC,IP[,IMAGE]`. @throws UserError listing all that have another form */
export function parseMachines(options: readonly string[]): NamedMachine[] {
  const parsed = options.map((option) => ({ option, machine: parseOption(option) }));
  const faults = parsed.filter(({ machine }) => !machine).map(({ option }) => `  ${option}`);
  if (faults.length > 0) {
    throw new UserError(
      [
        "--machine takes a name, a MAC and an IP address, such as pi1=b8:27:eb:00:00:01,192.168.2.51. Invalid:",
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
 * Parses an answer about a machine: its MAC address and, in any order, a name or an address that replace the proposed
 * ones.
 * @param before the machines already entered, whose names and addresses are taken
 * @returns a sentence if something is wrong with it
 */
export function parseLine(
  line: string,
  proposed: ProposedMachine,
  before: readonly NamedMachine[] = [],
): NamedMachine | string {
  const words = line.split(/[\s,]+/).filter(Boolean);
  const [mac, ...moreMacs] = words.filter((word) => macPattern.test(word));
  const [ip = proposed.ip, ...moreIps] = words.filter((word) => isIPv4(word));
  const [name = proposed.name, ...moreNames] = words.filter((word) => !macPattern.test(word) && !isIPv4(word));
  if (!mac) return "there is no MAC address in this line, such as b8:27:eb:00:00:01";
  if (moreMacs.length + moreIps.length + moreNames.length > 0) return "a line describes one machine: name, MAC, IP";
  if (ip === undefined) return "the network has no address left: add one, as in b8:27:eb:00:00:01 192.168.3.51";
  const machine = { ...proposed, name, mac: macOf(mac), ip };
  return clashOf(machine, before) ?? machine;
}

/** Which property another machine already has. */
function clashOf(machine: NamedMachine, before: readonly NamedMachine[]): string | undefined {
  for (const key of ["name", "mac", "ip"] as const) {
    const other = before.find((earlier) => earlier[key] === machine[key]);
    if (other)
      return key === "name" ? `there is already a ${machine.name}` : `${machine[key]} already belongs to ${other.name}`;
  }
  return undefined;
}

/** Asks for each proposed machine until the answer is valid. */
export async function askForMachines(
  proposed: readonly ProposedMachine[],
  ask: (question: string) => Promise<string>,
): Promise<NamedMachine[]> {
  const machines: NamedMachine[] = [];
  for (const machine of proposed) {
    let line = await ask(`${machine.name}${machine.ip ? ` at ${machine.ip}` : ""}, MAC address (or: name MAC IP): `);
    for (;;) {
      const answer = parseLine(line, machine, machines);
      if (typeof answer !== "string") {
        machines.push(answer);
        break;
      }
      line = await ask(`${answer}. Again: `);
    }
  }
  return machines;
}

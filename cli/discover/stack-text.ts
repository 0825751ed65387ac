import { isMap, isSeq, type Node, parseDocument } from "yaml";
import { UserError } from "../../lib/errors.ts";
import { machineText, type NewMachine } from "./found.ts";

/**
 * A stack's file with more machines at the end of their list; all else stays as it is, comments too.
 * @throws UserError if the file's machines are in no list that can be added to
 */
export function withMachines(text: string, machines: readonly NewMachine[]): string {
  const config = mapOf(parseDocument(text).contents)?.get("config", true);
  const list = mapOf(config)?.get("piinit:machines", true);
  const last = isSeq(list) ? (list.items.at(-1) as Node | undefined) : undefined;
  if (!isSeq(list) || !last?.range || !list.range)
    throw new UserError("The stack's file has no list of machines to add to. Add these lines by hand:");
  const [start, end] = [last.range[0], last.range[1]];
  if (list.flow) return insert(text, end, machines.map((machine) => `, ${machineText(machine)}`).join(""));
  const dash = text.lastIndexOf("-", start);
  const indent = text.slice(text.lastIndexOf("\n", dash) + 1, dash);
  const lines = machines.map((machine) => `${indent}- ${machineText(machine)}\n`).join("");
  // A block's range may end at the beginning of the next line.
  const lineEnd = text.indexOf("\n", text[end - 1] === "\n" ? end - 1 : end);
  return lineEnd < 0 ? `${text}\n${lines}` : insert(text, lineEnd + 1, lines);
}

const mapOf = (node: unknown) => (isMap(node) ? node : undefined);

const insert = (text: string, at: number, more: string) => `${text.slice(0, at)}${more}${text.slice(at)}`;

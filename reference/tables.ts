import { boardNames, boardOf } from "../steps/image/boards/catalogue.ts";
import { roles } from "../steps/image/roles/catalogue.ts";

/** A table in Markdown. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(headings), `|${"---|".repeat(headings.length)}\n`, ...rows.map(line)].join("");
}

export function roleTable(): string {
  const rows = Object.entries(roles).map(([name, { row }]) => [
    `\`${name}\``,
    row.options,
    row.ports ?? "",
    row.registers ?? "",
  ]);
  return table(["Role", "Options", "Ports", "Registers in Consul"], rows);
}

export function boardTable(): string {
  const rows = boardNames.map((board) => {
    const { models, architecture } = boardOf(board, "amd64");
    const isHosts = boardOf(board, "arm64").architecture !== architecture;
    const site = { board, architecture, isLab: false, roles: [] };
    const hasNomad = roles.nomad.refuse?.(roles.nomad.schema.parse("both"), site) === undefined;
    return [`\`${board}\``, models, isHosts ? "the computer's own" : architecture, hasNomad ? "yes" : "no"];
  });
  return table(["`board`", "For", "Debian's architecture", "Nomad"], rows);
}

import type { Architecture } from "../../../lib/architecture.ts";
import type { Board } from "./board.ts";
import { lab } from "./lab.ts";
import { raspberryPis } from "./raspberry-pi.ts";
import { uefi } from "./uefi.ts";

/** Every board that settings may name; the lab's has the architecture of its host. */
const boards = {
  lab,
  amd64: uefi("amd64"),
  arm64: uefi("arm64"),
  ...raspberryPis,
} satisfies Record<string, Board | ((host: Architecture) => Board)>;

export type BoardName = keyof typeof boards;

export const boardNames = Object.keys(boards) as BoardName[];

export const isBoard = (name: unknown): name is BoardName => boardNames.some((known) => known === name);

/** The board by its name. @param host the architecture of the machine that builds */
export function boardOf(name: BoardName, host: Architecture): Board {
  const board = boards[name];
  return typeof board === "function" ? board(host) : board;
}

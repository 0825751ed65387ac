import type { Architecture } from "../manifest/manifest.ts";

/** Every board that settings may name, with its Debian architecture. */
export const boardArchitectures = {
  lab: "host",
  amd64: "amd64",
  arm64: "arm64",
  pi2: "armhf",
  pi3: "arm64",
  pi4: "arm64",
  pi5: "arm64",
  "pi-zero": "armel",
} as const;

export type BoardName = keyof typeof boardArchitectures;

export const isBoard = (name: unknown): name is BoardName =>
  typeof name === "string" && Object.hasOwn(boardArchitectures, name);

/** A board's architecture for images that are built on a host of that one. */
export function architectureOf(board: BoardName, host: Architecture): Architecture {
  const architecture = boardArchitectures[board];
  return architecture === "host" ? host : architecture;
}

/** Nomad ended its 32-bit ARM releases with 1.8.3. */
export function is32Bit(board: BoardName): boolean {
  return ["armhf", "armel"].includes(boardArchitectures[board]);
}

export function isRaspberryPi(board: BoardName): boolean {
  return board.startsWith("pi");
}

import path from "node:path";
import { runOnHost } from "../../lib/host.ts";
import { findPartitions } from "../../steps/image/existing/partitions.ts";
import { firstSector, textOf } from "../engine/image/look.ts";

/** Checks the file systems of a card with this system's own tools, and prints a text that is in it. */
const card = process.argv[2] ?? "";
const { boot, root } = findPartitions(await firstSector(card));
const at = { cwd: path.dirname(card) };
await runOnHost("e2fsck", ["-f", "-n", `${path.basename(card)}?offset=${root.offset}`], at);
await runOnHost("mdir", ["-b", "-i", `${card}@@${boot.offset}`, "::"], at);
process.stdout.write(await textOf(card, "/etc/issue"));

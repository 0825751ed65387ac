import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { type BlockRange, blockMapFileOf, renderBlockMap } from "../../formats/bmap.ts";
import { requirePrograms } from "../../lib/host.ts";
import { projectDir } from "../../lib/paths.ts";
import { allPackages } from "../packages.ts";
import { type Cost, costOf } from "./cost.ts";
import { type Row, tableOf } from "./table.ts";

const MiB = 1024 * 1024;
const blockBytes = 4096;
const imageBytes = 2048 * MiB;
/** Of each of these as much as that holds data; the rest is a hole. */
const stepBytes = 64 * MiB;
const filledBytes = 36 * MiB;
const times = 3;

/** Sets `./piinit burn` beside `dd` and `bmaptool`: the same image onto the same file, each tool in turn, the best of three. */
export async function benchBurning(): Promise<string> {
  await requirePrograms("The bench of burning", ["bmaptool"], allPackages);
  const folder = await mkdtemp("/var/tmp/piinit-bench-");
  try {
    const image = path.join(folder, "disk.img");
    await makeImage(image);
    const rows = rowsOf(await measure(image, path.join(folder, "card")));
    const share = Math.round((filledBytes / stepBytes) * 100);
    return `An image of ${imageBytes / MiB} MiB, ${share} % of it in use, written to a file on the disk of /var/tmp.\n\n${tableOf(rows)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeImage(image: string): Promise<void> {
  const ranges: BlockRange[] = [];
  const handle = await open(image, "w", 0o600);
  for (let start = 0; start < imageBytes; start += stepBytes) {
    const data = randomBytes(filledBytes);
    await handle.write(data, 0, data.length, start);
    const hex = createHash("sha256").update(data).digest("hex");
    const first = start / blockBytes;
    ranges.push({ first, last: first + filledBytes / blockBytes - 1, checksum: { algorithm: "sha256", hex } });
  }
  await handle.truncate(imageBytes);
  await handle.sync();
  await handle.close();
  await writeFile(blockMapFileOf(image), renderBlockMap({ imageBytes, blockBytes, ranges }));
}

interface Measured {
  dd: Cost[];
  bmaptool: (Cost & { writingSeconds: number })[];
  piinit: (Cost & { writingSeconds: number })[];
}

async function measure(image: string, card: string): Promise<Measured> {
  const measured: Measured = { dd: [], bmaptool: [], piinit: [] };
  const costOn = async (...command: string[]): Promise<Cost> => {
    await rm(card, { force: true });
    await execa("sync");
    const cost = await costOf(command, { cwd: projectDir });
    process.stderr.write(`${command[0]}: ${cost.seconds.toFixed(1)} s\n`);
    return cost;
  };
  for (let time = 0; time < times; time++) {
    measured.dd.push(await costOn("dd", `if=${image}`, `of=${card}`, "bs=4M", "conv=fsync", "status=none"));
    const peer = await costOn("sh", "-c", 'exec bmaptool copy "$0" "$1" 2>&1', image, card);
    const [, minutes = 0, seconds] = /copying time: (?:(\d+)m )?([\d.]+)s/.exec(peer.stdout) ?? [];
    measured.bmaptool.push({ ...peer, writingSeconds: Number(minutes) * 60 + Number(seconds) });
    const cost = await costOn("./piinit", "burn", image, "--drive", card, "--yes", "--json");
    const { writingSeconds } = JSON.parse(cost.stdout.trim().split("\n").at(-1) ?? "");
    measured.piinit.push({ ...cost, writingSeconds });
  }
  return measured;
}

function rowsOf({ dd, bmaptool, piinit }: Measured): Row[] {
  const best = <Key extends string>(costs: Record<Key, number>[], key: Key) =>
    Math.min(...costs.map((cost) => cost[key]));
  const whole = best(dd, "seconds");
  const peer = best(bmaptool, "writingSeconds");
  const writing = best(piinit, "writingSeconds");
  const memory = Math.max(...piinit.map(({ memoryMiB }) => memoryMiB));
  return [
    { what: "dd bs=4M conv=fsync, the whole image", unit: "s", measured: whole },
    { what: "bmaptool copy, writing alone", unit: "s", measured: peer },
    { what: "piinit burn, writing alone", unit: "s", goal: peer, measured: writing },
    {
      what: "piinit burn, writing alone, beside dd",
      unit: "times",
      goal: filledBytes / stepBytes,
      measured: writing / whole,
    },
    { what: "bmaptool copy, which doesn't read back", unit: "s", measured: best(bmaptool, "seconds") },
    { what: "piinit burn, which does", unit: "s", measured: best(piinit, "seconds") },
    { what: "piinit burn, memory", unit: "MiB", goal: 200e6 / MiB, measured: memory },
  ];
}

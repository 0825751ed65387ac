import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "../../../lib/run.ts";

const MiB = 1024 * 1024;
const bootOffset = MiB;
const bootSectors = (4 * MiB) / 512;

/** What the guest prints on its serial console when it has booted. */
export const greeting = "tiny guest is up";

/**
 * Writes a disk image as the image builder lays it out, whose "kernel" is a few instructions for a PC: it prints its
 * greeting and sleeps until the power button is pressed, which a stubborn one doesn't notice.
 */
export async function writeGuestImage(file: string, { stubborn = false } = {}): Promise<void> {
  const image = await open(file, "w", 0o600);
  await image.truncate(bootOffset + bootSectors * 512);
  await image.write(partitionTable(), 0, 512, 0);
  await image.close();
  const partition = `${file}@@${bootOffset}`;
  await run("mformat", ["-i", partition, "-T", String(bootSectors), "-h", "2", "-s", "32", "::"]);
  const folder = await mkdtemp(path.join(tmpdir(), "piinit-guest-"));
  try {
    const files = {
      vmlinuz: guestKernel({ text: greeting, end: stubborn ? "ignore the power button" : "power button" }),
      "initrd.img": "nothing",
      "cmdline.txt": "console=ttyS0 quiet\n",
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(folder, name), content);
      await run("mcopy", ["-i", partition, path.join(folder, name), `::${name}`]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

function partitionTable(): Buffer {
  const sector = Buffer.alloc(512);
  sector.writeUInt8(0x0c, 450);
  sector.writeUInt32LE(bootOffset / 512, 454);
  sector.writeUInt32LE(bootSectors, 458);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** The set-up code begins after the first sector, at 0 of its segment; Linux's own header stands in between. */
const codeStart = 0x68;

/** What the guest does when it has printed its text: reset the machine, or sleep until the power button is pressed. */
export type End = "reset" | "power button" | "ignore the power button";

/** A file in the form of a Linux kernel for PCs, with all of its code in the part that runs in real mode. */
export function guestKernel({ text, end }: { text: string; end: End }): Buffer {
  const file = Buffer.alloc(4 * 512);
  const setup = file.subarray(512);
  file.writeUInt8(1, 0x1f1); // Sectors of set-up code.
  setup.set([0xeb, codeStart - 2]); // jmp over the header
  setup.write("HdrS", 2);
  setup.writeUInt16LE(0x0203, 6); // Version of the boot protocol.
  setup.writeUInt8(0x01, 0x11); // Loaded high.
  setup.writeUInt32LE(0x37ffffff, 0x2c); // Where the RAM disk may end.
  const textStart = 0xc0;
  setup.set([...print(textStart), ...(end === "reset" ? reset : sleep(end === "power button"))], codeStart);
  setup.write(`${text}\n\0`, textStart);
  return file;
}

const print = (text: number) => [
  ...[0x0e, 0x1f, 0xfc, 0xbe, text, 0x00], // push cs; pop ds; cld; mov si, text
  ...[0xac, 0x84, 0xc0, 0x74, 0x06], // next: lodsb; test al, al; jz done
  ...[0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf5], // mov dx, 0x3f8 (serial port); out dx, al; jmp next; done:
];

const reset = [0xb0, 0xfe, 0xe6, 0x64, 0xeb, 0xfe]; // mov al, 0xfe; out 0x64, al; jmp here

const sleep = (minded: boolean) => [
  ...[0xba, 0x02, 0x06, 0xb8, 0x00, minded ? 0x01 : 0x00, 0xef], // enable the power button's event at 0x602
  ...[0xfb, 0xf4, 0xba, 0x00, 0x06, 0xed], // sti; sleep: hlt; mov dx, 0x600; in ax, dx
  ...[0xf6, 0xc4, 0x01, 0x74, 0xf6], // test ah, 1 (pressed?); jz sleep
  ...[0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef], // power off: out 0x604, 0x2000
  ...[0xeb, 0xfe], // jmp here
];

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";
import type { LabMachine, LabRouter, RunningRouter } from "../../../steps/lab/contract.ts";
import { createLab, deleteLab } from "../../../steps/lab/lab.ts";
import { powerRouter } from "../../../steps/lab/router-machine.ts";
import { setEnvironment } from "../../environment.ts";
import { writeGuestImage } from "./guest.ts";

export const context: Context = { progress: { step() {} }, signal: new AbortController().signal };

/** A lab whose images hold the tiny guest. */
export interface TestLab {
  dir: string;
  router: LabRouter;
  /** The machine with that number in the network. Files of tests that run side by side have others: they make the ports. */
  machine(number: number): LabMachine;
  startRouter(): Promise<RunningRouter>;
  /** Ends and removes everything. */
  remove(): Promise<void>;
}

export async function makeLab(): Promise<TestLab> {
  const top = await mkdtemp(path.join(tmpdir(), "piinit lab-"));
  const restore = setEnvironment({ XDG_CACHE_HOME: path.join(top, "cache") });
  await rememberEmulation();
  // Longer than the path of a Unix socket may be.
  const dir = path.join(top, "a-folder-with-a-long-name-".repeat(5), "lab");
  await mkdir(path.dirname(dir));
  await createLab(dir);
  const image = path.join(top, "guest-1.img");
  await writeGuestImage(image);
  const hardware = { dir, image: { path: image, sha256: "1" }, memoryMiB: 32, cpus: 1 };
  const router: LabRouter = { ...hardware, name: "router" };
  return {
    dir,
    router,
    machine: (number) => ({
      ...hardware,
      name: `pi${number}`,
      mac: `52:54:00:00:01:${number}`,
      ip: `10.0.0.${number}`,
    }),
    startRouter: () => powerRouter(router, context),
    async remove() {
      await deleteLab(dir);
      await rm(top, { recursive: true });
      restore();
    },
  };
}

/** The tiny guest is no kernel that acceleration could be tried with: this is a cache where that was done. */
async function rememberEmulation(): Promise<void> {
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  await mkdir(cacheDir(), { recursive: true });
  await writeFile(cacheDir("acceleration.json"), JSON.stringify({ boot, accelerator: "tcg" }));
}

/** Waits until something is so; fails with what was awaited. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(100);
  }
}

/** Listens on a port of 127.0.0.1; undefined when it is taken. */
export function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server) await close(server);
  return server !== undefined;
}

/** A lab of its own for each test of a suite. Its guest is machine code for PCs: elsewhere the end-to-end test has to do. */
export function labForEachTest(): TestLab {
  const lab = {} as TestLab;
  before(function () {
    if (process.arch !== "x64") this.skip();
  });
  beforeEach(async () => {
    Object.assign(lab, await makeLab());
  });
  afterEach(() => lab.remove?.());
  return lab;
}

import { access, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/** A folder of a router: here, and as its sessions see it. */
export interface Folder {
  here: string;
  there: string;
}

/** Lets the next call of a program below that folder wait before it does anything. */
export async function hold({ here, there }: Folder, program: string) {
  const file = path.join(here, program);
  const [waiting, kept] = [`${file}.waiting`, `${file}.held`];
  const isThere = (one: string) =>
    access(one).then(
      () => true,
      () => false,
    );
  await rename(file, kept);
  const lines = [
    "#!/bin/sh",
    `: >${there}/${program}.waiting`,
    `while [ -e ${there}/${program}.waiting ]; do sleep 0.05; done`,
  ];
  // By its path, because busybox goes by the name under which it is called, and so does what the link leads to.
  await writeFile(file, [...lines, `exec ${there}/${program} "$@"`, ""].join("\n"), { mode: 0o755 });
  return {
    /** Waits for the call. */
    async reached(): Promise<void> {
      while (!(await isThere(waiting))) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    /** Lets it go on. */
    async release(): Promise<void> {
      await rename(kept, file);
      await rm(waiting);
    },
  };
}

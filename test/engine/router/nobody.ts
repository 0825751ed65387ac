import { rm, writeFile } from "node:fs/promises";
import path from "node:path";

/** A program's arguments follow these, and it has no rights. Only root may do that; busybox's own program can't. */
export const asNobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Lets an sshd's sessions, which `dir` belongs to, have either of two shells: commands as its ForceCommand takes them. */
export function switchIn(dir: string) {
  const file = path.join(dir, "nobody");
  return {
    command: (usual: string, ofNobody: string) => `[ ! -e ${file} ] || exec ${ofNobody}; exec ${usual}`,
    set: (isNobody: boolean) => (isNobody ? writeFile(file, "") : rm(file, { force: true })),
  };
}

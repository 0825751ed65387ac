import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { filesOfTar } from "../formats/tar.ts";

/** A snapshot that unpacks to more than this isn't a home's. */
const mostBytes = 1 << 30;

/** Why a snapshot of Consul or Nomad isn't whole: both are a gzip'd tar with the SHA-256 of each file in it. */
export async function archiveFault(archive: Buffer): Promise<string | undefined> {
  try {
    return faultIn(filesOfTar(await promisify(gunzip)(archive, { maxOutputLength: mostBytes })));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function faultIn(files: ReadonlyMap<string, Buffer>): string | undefined {
  const sums = sumsIn(files.get("SHA256SUMS")?.toString("utf8") ?? "");
  for (const name of ["meta.json", "state.bin"]) {
    const content = files.get(name);
    if (!content) return `it has no ${name}`;
    if (sums.get(name) !== createHash("sha256").update(content).digest("hex")) return `its ${name} has another SHA-256`;
  }
  return undefined;
}

/** Of lines "SHA256  NAME". */
function sumsIn(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)].map(([, sum = "", name = ""]) => [name, sum]));
}

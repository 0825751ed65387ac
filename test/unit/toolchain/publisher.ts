import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { strToU8, zipSync } from "fflate";
import type { Architecture } from "../../../lib/architecture.ts";
import { run } from "../../../lib/run.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import type { Publisher as PublisherFacts, PublisherKey } from "../../../toolchain/publishers/publisher.ts";
import { type ToolName, tools } from "../../../toolchain/versions.ts";
import { type Signer, testSigner } from "./signer.ts";

/** How a file is given: whole, half and then the connection is cut, or half and then nothing more. */
export type Manner = "whole" | "cut" | "stall";

export interface Publisher extends PublisherFacts {
  key: PublisherKey;
  /** Paths asked for, in order. */
  asked: string[];
  publish(urlPath: string, content: Uint8Array | string, manner?: Manner): void;
  withdraw(urlPath: string): void;
  close(): Promise<void>;
}

/** A server on 127.0.0.1 that gives what was published on it, and 404 for the rest. */
export async function startPublisher(): Promise<Publisher> {
  const files = new Map<string, { content: Buffer; manner: Manner }>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const urlPath = (request.url ?? "").slice(1);
    asked.push(urlPath);
    const file = files.get(urlPath);
    if (file) give(file.content, file.manner, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: (await testSigner()).key,
    sums: {},
    asked,
    publish: (urlPath, content, manner = "whole") => files.set(urlPath, { content: Buffer.from(content), manner }),
    withdraw: (urlPath) => files.delete(urlPath),
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

function give(content: Buffer, manner: Manner, response: ServerResponse): void {
  response.writeHead(200, { "content-length": content.length });
  if (manner === "whole") return void response.end(content);
  response.write(content.subarray(0, content.length / 2), () => manner === "cut" && response.destroy());
}

/** A program that answers `version` as the tool does. */
export const script = (version: string) => `#!/bin/sh\necho "Tool v${version}"\n`;

export interface Published {
  /** The archive's. */
  name: string;
  archive: Uint8Array;
  sum: string;
}

/**
 * Publishes an archive and its sums as the tool's own publisher does, with the given programs inside,
 * for this host unless told otherwise.
 */
export async function publishTool(
  publisher: Publisher,
  name: ToolName,
  programs: Record<string, string>,
  {
    sum,
    manner,
    architecture,
    signer,
  }: { sum?: string; manner?: Manner; architecture?: Architecture; signer?: Signer } = {},
): Promise<Published> {
  const { release, version } = tools[name];
  const archivePath = release.archive(version, { ...hostPlatform(), ...(architecture && { architecture }) });
  const archive = archivePath.endsWith(".zip") ? zipOf(programs) : await tarOf(programs);
  const realSum = createHash("sha256").update(archive).digest("hex");
  const sums = [`${"0".repeat(64)}  other.zip`, `${sum ?? realSum}  ${path.basename(archivePath)}`, ""].join("\n");
  publisher.publish(archivePath, archive, manner);
  publisher.publish(release.sums(version), sums);
  publisher.publish(`${release.sums(version)}.sig`, await (signer ?? (await testSigner())).sign(sums));
  return { name: path.basename(archivePath), archive, sum: realSum };
}

function zipOf(programs: Record<string, string>): Uint8Array {
  const texts = { "LICENSE.txt": "a licence", ...programs };
  return zipSync(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, strToU8(text)])));
}

async function tarOf(programs: Record<string, string>): Promise<Uint8Array> {
  const work = await mkdtemp(path.join(tmpdir(), "piinit-tar-"));
  try {
    for (const [name, text] of Object.entries(programs)) await writeProgram(path.join(work, "pulumi", name), text);
    await run("tar", ["-czf", path.join(work, "archive"), "-C", work, "pulumi"]);
    return await readFile(path.join(work, "archive"));
  } finally {
    await rm(work, { recursive: true });
  }
}

export async function writeProgram(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o755);
}

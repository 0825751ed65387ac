import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../../../lib/errors.ts";
import { inUnfinishedFolder } from "../../../lib/files.ts";
import type { Context } from "../../../lib/program.ts";
import { type Login, nameOf } from "../../../lib/ssh.ts";
import { updateFileOf } from "../../image-names.ts";
import { builtImage, imageFile, publish, readContents, removeOldImages } from "../layers/image-files.ts";
import { layerNames } from "../layers/layer-names.ts";
import type { BuildRequest, BuiltImage } from "../manifest/contract.ts";
import { layers, type Manifest } from "../manifest/manifest.ts";
import {
  type BuilderProgram,
  builderProgram,
  probeCommand,
  putCommand,
  startCommand,
  writeProgram,
} from "./builder-program.ts";
import { onBuilder } from "./connection.ts";
import { heartbeatMs } from "./heartbeat.ts";
import { type Header, type Incoming, parseHeader, readIncoming, receiveBundle, receiveImage } from "./transfer.ts";

/**
 * Builds the image of a manifest on another machine and fetches it, unless it is already here.
 * @throws UserError if the builder lacks something, fails, or loses the connection
 */
export async function buildImageOn(
  builder: Login,
  { manifest, outputDir }: BuildRequest,
  context: Context,
): Promise<BuiltImage> {
  const start = performance.now();
  const image = imageFile(outputDir, layerNames(manifest));
  await mkdir(outputDir, { recursive: true, mode: 0o700 });
  const built = await readContents(image);
  if (built) return builtImage(image, built, layers, start);

  return inUnfinishedFolder(outputDir, async (work) => {
    const disk = path.join(work, "disk.img");
    const { contents, blockMap, reused, bundleBytes } = await fetchImage(builder, manifest, disk, context);
    await publish(disk, image, { contents, blockMap, bundle: bundleBytes > 0 ? updateFileOf(disk) : undefined });
    await removeOldImages(image);
    return builtImage(image, contents, reused, start);
  });
}

/** Checks that the builder can be reached and has Node.js. @throws UserError with what to do */
export function checkBuilder(builder: Login, context: Context): Promise<string> {
  return onBuilder(builder, probeCommand, context, async ({ stdout }) => {
    const version = await readIncoming(stdout).line();
    return `${nameOf(builder)} answers, Node.js ${version}`;
  });
}

async function fetchImage(builder: Login, manifest: Manifest, disk: string, context: Context): Promise<Header> {
  const program = await builderProgram();
  const start = () => startBuild(builder, program, manifest, disk, context);
  let answer = await start();
  if (answer === "no program") {
    await putProgram(builder, program, path.dirname(disk), context);
    answer = await start();
  }
  if (typeof answer === "string")
    throw new UserError(`The builder ${nameOf(builder)} sent no complete image: ${answer}`);
  return answer;
}

/** Has the image built and receives it; returns what is missing if it doesn't arrive. */
function startBuild(
  builder: Login,
  program: BuilderProgram,
  manifest: Manifest,
  disk: string,
  context: Context,
): Promise<Header | "no program" | "no header" | "no end"> {
  return onBuilder(builder, startCommand(program), context, async ({ stdin, stdout }) => {
    const incoming = readIncoming(stdout);
    const state = await incoming.line();
    if (state !== "ready") return "no program";
    context.progress.step(`building on ${nameOf(builder)}`);
    stdin.write(`${JSON.stringify(manifest)}\n`);
    const heartbeat = setInterval(() => stdin.write("\n"), heartbeatMs);
    try {
      const line = await incoming.line();
      const header = line === undefined ? undefined : parseHeader(line);
      if (!header) return "no header";
      return (await receive(header, incoming, disk, context)) ? header : "no end";
    } finally {
      clearInterval(heartbeat);
    }
  });
}

async function receive(header: Header, incoming: Incoming, disk: string, { progress }: Context): Promise<boolean> {
  const { bundleBytes } = header;
  const hasBundle =
    bundleBytes === 0 || (await receiveBundle(header, incoming.bytes(bundleBytes), updateFileOf(disk), progress));
  return hasBundle && (await receiveImage(header, incoming.rest(), disk, progress));
}

/** Sends the program's files as one compressed tar. */
async function putProgram(builder: Login, program: BuilderProgram, work: string, context: Context): Promise<void> {
  context.progress.step(`sending the build program to ${nameOf(builder)}`);
  const folder = path.join(work, "program");
  await writeProgram(program, folder);
  // macOS's tar would add files of its own.
  const env = { ...process.env, COPYFILE_DISABLE: "1" };
  await onBuilder(builder, putCommand(program), context, async ({ stdin }) => {
    const tar = spawn("tar", ["-czf", "-", "-C", folder, "."], { env, stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(tar, "close");
    // ssh itself reports a broken connection.
    await pipeline(tar.stdout, stdin).catch(() => tar.kill());
    await ended;
  });
}

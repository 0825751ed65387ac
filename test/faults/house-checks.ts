import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { sha256OfFile } from "../../lib/files.ts";
import type { Access } from "../../steps/agents.ts";
import { homeAddress, homeConsul, homeNames, homeNomad } from "../engine/cluster/home.ts";
import { askAs } from "../engine/cluster/secure.ts";
import type { Wish } from "./house.ts";

// What isn't as it should be after an `up`: a sentence for each.

/** The same from a file with a state: it has nothing unfinished. */
export async function wrongState(file: string): Promise<string[]> {
  const { latest } = JSON.parse(readFileSync(file, "utf8")).checkpoint as {
    latest: {
      pending_operations?: { type: string; resource: { urn: string } }[];
      resources?: { urn: string; initErrors?: string[] }[];
    };
  };
  const { pending_operations: pending = [], resources = [] } = latest;
  return [
    ...pending.map(({ type, resource }) => `the state is still ${type} ${resource.urn}`),
    ...resources.flatMap(({ urn, initErrors = [] }) => initErrors.map((error) => `the state has of ${urn}: ${error}`)),
  ];
}

export async function wrongKeys({ word, hasMore }: Wish, access: Access): Promise<string[]> {
  const { ok, text } = await askAs(access, `${homeConsul("pi1")}/v1/kv/?recurse`);
  const keys = ok ? (JSON.parse(text) as { Key: string; Value: string }[]) : [];
  const found = keys.map(({ Key, Value }) => `${Key}=${Buffer.from(Value, "base64")}`).sort();
  return compare("Consul", found, [...(hasMore ? [`more=${word}`] : []), `word=${word}`]);
}

export async function wrongJobs({ word, hasMore }: Wish, access: Access): Promise<string[]> {
  const ask = async <T>(path: string): Promise<T> =>
    JSON.parse((await askAs(access, `${homeNomad("pi1")}${path}`)).text);
  const jobs = await ask<{ ID: string }[]>("/v1/jobs");
  const found = await Promise.all(
    jobs.map(async ({ ID }) => {
      const job = await ask<Job>(`/v1/job/${ID}`);
      return `${ID} ${job.Status} ${job.TaskGroups[0]?.Tasks[0]?.Meta?.word}`;
    }),
  );
  return compare("Nomad", found.sort(), [...(hasMore ? [`more running ${word}`] : []), `page running ${word}`]);
}

interface Job {
  Status: string;
  TaskGroups: { Tasks: { Meta: { word?: string } | null }[] }[];
}

function compare(where: string, found: readonly string[], wanted: readonly string[]): string[] {
  return found.join() === wanted.join()
    ? []
    : [`${where} has ${found.join(", ") || "nothing"} instead of ${wanted.join(", ")}`];
}

/** Of the router's file. */
export async function wrongReservations(file: string): Promise<string[]> {
  const table = existsSync(file) ? readFileSync(file, "utf8") : "";
  return homeNames.filter((name) => !table.includes(homeAddress(name))).map((name) => `the router has no ${name}`);
}

const whole = new Set<string>();

/** Of a folder with one or two images: each is what the list beside it says. */
export async function brokenImages(folder: string): Promise<string[]> {
  const images = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".img")) : [];
  const problems = images.length === 0 || images.length > 2 ? [`there are ${images.length} images`] : [];
  for (const image of images.map((name) => path.join(folder, name))) {
    const version = `${image} ${statSync(image).mtimeMs}`;
    if (whole.has(version)) continue;
    const { sha256 } = JSON.parse(readFileSync(image.replace(/\.img$/, ".contents.json"), "utf8"));
    if ((await sha256OfFile(image)) === sha256) whole.add(version);
    else problems.push(`${image} is damaged`);
  }
  return problems;
}

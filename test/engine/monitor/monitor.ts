import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { debianRoot } from "../debian-root.ts";
import { freePorts } from "../ports.ts";

/** Debian's Prometheus and Alertmanager, with the programs that check their files. */
export const monitorRoot = () => debianRoot("monitor", ["prometheus", "prometheus-alertmanager"]);

/** Writes an image's files for it below a folder, where they name each other. */
export function unpack(image: Manifest, dir: string, change: (text: string) => string): void {
  for (const { path: file, text } of image.files) {
    if (!file.startsWith("/etc/prometheus/")) continue;
    mkdirSync(path.dirname(dir + file), { recursive: true });
    writeFileSync(dir + file, change(text.replaceAll("/etc/prometheus", `${dir}/etc/prometheus`)));
  }
}

/** An image's Prometheus on 127.0.0.1, in a hurry: its seconds are as minutes. What it reads is what the test says. */
export interface Monitor {
  url: string;
  dir: string;
  /** From now on a machine's exporter or agent tells these metrics; without them, it does not answer. */
  say(job: string, machine: string, metrics?: string): void;
  /** Starts another of its programs with its file of that name, changed as said. */
  start(program: string, name: string, options: readonly string[], change?: (config: object) => object): void;
  stop(): Promise<void>;
}

/** Prometheus asks for every job of every machine. */
export async function startMonitor(
  image: Manifest,
  jobs: readonly string[],
  machines: readonly string[],
): Promise<Monitor> {
  const dir = mkdtempSync(path.join(tmpdir(), "piinit-monitor-"));
  const root = await monitorRoot();
  const told = new Map<string, string>();
  const server = createServer(({ url = "" }, response) => {
    const metrics = told.get(url);
    if (metrics === undefined) response.writeHead(500);
    response.end(metrics);
  });
  const running: (PromiseLike<unknown> & { kill(): boolean })[] = [];
  const [web = 0, own = 0] = await freePorts(2);
  server.listen(web, "127.0.0.1");
  await once(server, "listening");
  unpack(image, dir, quick);
  const target = (job: string, machine: string) => ({
    targets: [`127.0.0.1:${web}`],
    labels: { instance: machine, __metrics_path__: `/${job}/${machine}` },
  });
  const monitor: Monitor = {
    url: `http://127.0.0.1:${own}`,
    dir,
    say(job, machine, metrics) {
      if (metrics === undefined) told.delete(`/${job}/${machine}`);
      else told.set(`/${job}/${machine}`, metrics);
    },
    start(program, name, options, change = (same) => same) {
      const file = `${dir}/etc/prometheus/${name}`;
      writeFileSync(file, stringify(change(parse(readFileSync(file, "utf8")))));
      const [command = "", ...first] = root.start(`usr/bin/${program}`);
      running.push(execa(command, [...first, `--config.file=${file}`, ...options], { reject: false, all: true }));
    },
    async stop() {
      for (const one of running) one.kill();
      await Promise.all(running);
      server.close();
      rmSync(dir, { recursive: true });
    },
  };
  const pages = `--web.console.templates=${dir}/etc/prometheus/pages`;
  const scrapes = jobs.map((job) => ({
    job_name: job,
    static_configs: machines.map((machine) => target(job, machine)),
  }));
  monitor.start(
    "prometheus",
    "prometheus.yml",
    [`--storage.tsdb.path=${dir}/tsdb`, `--web.listen-address=127.0.0.1:${own}`, pages],
    (config) => ({ ...config, scrape_configs: scrapes }),
  );
  return monitor;
}

const quick = (text: string): string =>
  text
    .replace(/((?:scrape|evaluation)_interval): 15s/g, "$1: 1s")
    .replace(/for: \d+m/g, "for: 4s")
    .replace(/group_wait: 1m/, "group_wait: 1s")
    .replace(/((?:group|repeat)_interval): 5m/g, "$1: 2s");

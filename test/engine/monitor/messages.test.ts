import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { imageWith, textOf } from "../../unit/image/roles/fixture.ts";
import { until } from "../agents.ts";
import { type DebianRoot, whyNoDebianRoot } from "../debian-root.ts";
import { freePorts } from "../ports.ts";
import { monitorRoot } from "./programs.ts";

interface Posted {
  path: string;
  body: string;
}

/** The monitor of a home with its own Prometheus and Alertmanager, in a hurry, and one machine that can be off. */
describe("the messages of a monitor", function () {
  this.timeout("3m");
  const dir = mkdtempSync(path.join(tmpdir(), "piinit-messages-"));
  const posted: Posted[] = [];
  const mails: string[] = [];
  let isOn = true;
  const servers: { close(): unknown }[] = [];
  const running: (PromiseLike<unknown> & { kill(): boolean })[] = [];

  before(async function () {
    if (await whyNoDebianRoot()) return this.skip();
    const root = await monitorRoot();
    const [web = 0, mail = 0, prometheus = 0, alertmanager = 0] = await freePorts(4);
    servers.push(await startWeb(web), startMailServer(mail));
    const here = `http://127.0.0.1:${web}`;
    const image = imageWith({
      prometheus: true,
      alertmanager: {
        webhook: { url: `${here}/webhook` },
        ntfy: { url: `${here}/ntfy` },
        telegram: { token: "123:ABC", chat: 42 },
        email: {
          to: "you@example.org",
          from: "home@example.org",
          server: `127.0.0.1:${mail}`,
          user: "home",
          password: "w",
        },
        heartbeat: `${here}/heartbeat`,
        // A server that is gone is told of at any hour.
        quiet: { from: "00:00", to: "23:59", zone: "Europe/Berlin" },
      },
    });
    for (const { path: file, text } of image.files) {
      if (!file.startsWith("/etc/prometheus/")) continue;
      mkdirSync(path.dirname(dir + file), { recursive: true });
      const local = text.replaceAll("/etc/prometheus", `${dir}/etc/prometheus`);
      writeFileSync(dir + file, quick(local.replaceAll("127.0.0.1:9093", `127.0.0.1:${alertmanager}`)));
    }
    rewrite("prometheus.yml", (config) => ({ ...config, scrape_configs: scrapes(web) }));
    rewrite("alertmanager.yml", (config) => ({
      ...config,
      global: { telegram_api_url: here, smtp_require_tls: false },
    }));
    start(root, "prometheus", `--storage.tsdb.path=${dir}/tsdb`, `--web.listen-address=127.0.0.1:${prometheus}`);
    start(
      root,
      "alertmanager",
      `--storage.path=${dir}/alertmanager`,
      `--web.listen-address=127.0.0.1:${alertmanager}`,
      "--cluster.listen-address=",
    );
  });
  after(async () => {
    for (const one of running) one.kill();
    await Promise.all(running);
    for (const server of servers) server.close();
    rmSync(dir, { recursive: true });
  });

  /** Answers as machines do, and takes messages. */
  async function startWeb(port: number): Promise<Server> {
    const server = createServer((request, response) => {
      const { url = "", method } = request;
      if (method === "GET") {
        if (url === "/machine" && !isOn) return response.writeHead(500).end();
        return response.end("consul_server_isLeader 1\nnomad_nomad_autopilot_healthy 1\n");
      }
      let body = "";
      request.on("data", (part) => (body += part));
      request.on("end", () => {
        posted.push({ path: url, body });
        response.setHeader("content-type", "application/json");
        response.end('{"ok": true, "result": {"message_id": 1, "chat": {"id": 42}}}');
      });
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return server;
  }

  /** Takes mails by SMTP, from whoever logs in. */
  function startMailServer(port: number) {
    const server = createSocket((socket) => {
      let text = "";
      let isBody = false;
      socket.on("error", () => undefined).write("220 test\r\n");
      socket.on("data", (part) => {
        text += part;
        for (
          let end = text.indexOf(isBody ? "\r\n.\r\n" : "\r\n");
          end >= 0;
          end = text.indexOf(isBody ? "\r\n.\r\n" : "\r\n")
        ) {
          const said = text.slice(0, end);
          text = text.slice(end + (isBody ? 5 : 2));
          if (isBody) mails.push(said);
          const asks = !isBody && /^DATA/i.test(said);
          isBody = asks;
          if (/^EHLO/i.test(said)) socket.write("250-test\r\n250 AUTH PLAIN\r\n");
          else if (/^AUTH/i.test(said)) socket.write("235 welcome\r\n");
          else if (/^QUIT/i.test(said)) socket.end("221 bye\r\n");
          else socket.write(asks ? "354 go on\r\n" : "250 fine\r\n");
        }
      });
    });
    return server.listen(port, "127.0.0.1");
  }

  function rewrite(name: string, change: (config: Record<string, unknown>) => object): void {
    const file = `${dir}/etc/prometheus/${name}`;
    writeFileSync(file, stringify(change(parse(readFileSync(file, "utf8")))));
  }

  function start(root: DebianRoot, name: string, ...options: string[]): void {
    const [program = "", ...first] = root.start(`usr/bin/${name === "prometheus" ? name : `prometheus-${name}`}`);
    const file = `--config.file=${dir}/etc/prometheus/${name}.yml`;
    running.push(execa(program, [...first, file, ...options], { reject: false, all: true }));
  }

  const to = (name: string) => posted.filter(({ path: where }) => where.startsWith(name)).map(({ body }) => body);

  it("can go by Pushover, too, as Alertmanager reads its settings", async () => {
    const image = imageWith({ prometheus: true, alertmanager: { pushover: { token: "token", user: "user" } } });
    const file = path.join(dir, "pushover.yml");
    writeFileSync(file, textOf(image, "/etc/prometheus/alertmanager.yml").replaceAll("/etc/", `${dir}/etc/`));
    const [program = "", ...first] = (await monitorRoot()).start("usr/bin/amtool");
    const { all, exitCode } = await execa(program, [...first, "check-config", file], { all: true, reject: false });
    assert.equal(exitCode, 0, all);
  });

  it("are none while all is well, and the heartbeat says so", async () => {
    await until("a heartbeat", async () => to("/heartbeat").length > 1);
    assert.deepEqual([to("/webhook"), to("/ntfy"), to("/bot123:ABC"), mails], [[], [], [], []]);
  });

  it("are one for one fault, in words", async () => {
    isOn = false;
    await until("a message", async () => to("/webhook").length > 0 && to("/bot123:ABC").length > 0 && mails.length > 0);
    await pause(6000);
    assert.equal(to("/webhook").length, 1);
    assert.equal(to("/ntfy").length, 1);
    const [telegram = "", ...more] = to("/bot123:ABC");
    assert.equal(more.length, 0);
    const { chat_id, text } = JSON.parse(telegram);
    assert.equal(chat_id, "42");
    assert.match(text, /^pi2 does not answer\.\n\npi2 does not answer\.\nSee whether it has power /);
    assert.match(mails.join(), /^Subject: pi2 does not answer\.\r$/m);
    assert.equal(mails.length, 1);
  });

  it("are one more when it is over", async () => {
    isOn = true;
    await until("another message", async () => to("/webhook").length > 1 && mails.length > 1);
    await pause(6000);
    assert.equal(to("/webhook").length, 2);
    assert.equal(JSON.parse(to("/webhook")[1] ?? "").status, "resolved");
    assert.match(JSON.parse(to("/bot123:ABC")[1] ?? "{}").text, /^All is well again\n\nOver: pi2 does not answer\.\n$/);
    assert.match(mails[1] ?? "", /^Subject: All is well again\r$/m);
  });
});

/** Minutes become seconds, or less. */
const quick = (text: string): string =>
  text
    .replace(/((?:scrape|evaluation)_interval): 15s/g, "$1: 1s")
    .replace(/for: \d+m/g, "for: 2s")
    .replace(/group_wait: 1m/, "group_wait: 1s")
    .replace(/((?:group|repeat)_interval): 5m/g, "$1: 2s");

/** A machine, and agents that are well. */
const scrapes = (port: number) =>
  [
    { job: "node-exporter", page: "/machine" },
    { job: "consul-servers", page: "/agents" },
  ].map(({ job, page }) => ({
    job_name: job,
    metrics_path: page,
    static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { instance: "pi2" } }],
  }));

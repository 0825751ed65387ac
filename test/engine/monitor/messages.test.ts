import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { imageWith, textOf } from "../../unit/image/roles/fixture.ts";
import { until } from "../agents.ts";
import { whyNoDebianRoot } from "../debian-root.ts";
import { freePorts } from "../ports.ts";
import { startMailServer } from "./mail-server.ts";
import { type Monitor, monitorRoot, startMonitor } from "./monitor.ts";

/** With real receivers, as far as they can be here; one machine can be off. */
describe("the messages of a monitor", function () {
  this.timeout("3m");
  const posted: { path: string; body: string }[] = [];
  const mails: string[] = [];
  const servers: { close(): unknown }[] = [];
  let monitor: Monitor;

  before(async function () {
    if (await whyNoDebianRoot()) return this.skip();
    const [web = 0, mail = 0, own = 0] = await freePorts(3);
    servers.push(
      await startReceiver(web),
      startMailServer(mail, (one) => mails.push(one)),
    );
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
          user: "i",
          password: "w",
        },
        heartbeat: `${here}/heartbeat`,
        // A server that is gone is told of at any hour.
        quiet: { from: "00:00", to: "23:59", zone: "Europe/Berlin" },
      },
    });
    const files = image.files.map((one) => ({
      ...one,
      text: one.text.replaceAll("127.0.0.1:9093", `127.0.0.1:${own}`),
    }));
    monitor = await startMonitor({ ...image, files }, ["node-exporter", "agents"], ["pi2"]);
    monitor.say("agents", "pi2", "consul_server_isLeader 1\nnomad_nomad_autopilot_healthy 1\n");
    monitor.say("node-exporter", "pi2", "");
    monitor.start(
      "prometheus-alertmanager",
      "alertmanager.yml",
      [
        `--storage.path=${monitor.dir}/alertmanager`,
        `--web.listen-address=127.0.0.1:${own}`,
        "--cluster.listen-address=",
      ],
      (config) => ({ ...config, global: { telegram_api_url: here, smtp_require_tls: false } }),
    );
  });
  after(async () => {
    await monitor?.stop();
    for (const server of servers) server.close();
  });

  async function startReceiver(port: number): Promise<Server> {
    const server = createServer(async (request, response) => {
      posted.push({ path: request.url ?? "", body: (await request.toArray()).join("") });
      response.setHeader("content-type", "application/json");
      response.end('{"ok": true, "result": {"message_id": 1, "chat": {"id": 42}}}');
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  }

  const to = (name: string) => posted.filter(({ path: where }) => where.startsWith(name)).map(({ body }) => body);
  const counts = () => [to("/webhook"), to("/ntfy"), to("/bot123:ABC"), mails].map(({ length }) => length);
  /** And no more, in the time of three intervals. */
  async function eachHas(count: number): Promise<void> {
    await until(`message ${count}`, async () => counts().every((number) => number >= count));
    await pause(6000);
    assert.deepEqual(counts(), [count, count, count, count]);
  }

  it("can go by Pushover, too, as Alertmanager reads its settings", async () => {
    const image = imageWith({ prometheus: true, alertmanager: { pushover: { token: "token", user: "user" } } });
    const file = path.join(monitor.dir, "pushover.yml");
    writeFileSync(file, textOf(image, "/etc/prometheus/alertmanager.yml").replaceAll("/etc/", `${monitor.dir}/etc/`));
    const [program = "", ...first] = (await monitorRoot()).start("usr/bin/amtool");
    const { all, exitCode } = await execa(program, [...first, "check-config", file], { all: true, reject: false });
    assert.equal(exitCode, 0, all);
  });

  it("are none while all is well, and the heartbeat says so", async () => {
    await until("two heartbeats", async () => to("/heartbeat").length > 1);
    assert.deepEqual(counts(), [0, 0, 0, 0]);
  });

  it("are one for one fault, in words", async () => {
    monitor.say("node-exporter", "pi2");
    await eachHas(1);
    const { chat_id, text } = JSON.parse(to("/bot123:ABC")[0] ?? "");
    assert.equal(chat_id, "42");
    assert.match(text, /^pi2 does not answer\.\n\npi2 does not answer\.\nSee whether it has power /);
    assert.match(mails[0] ?? "", /^Subject: pi2 does not answer\.\r$/m);
  });

  it("are one more when it is over", async () => {
    monitor.say("node-exporter", "pi2", "");
    await eachHas(2);
    assert.equal(JSON.parse(to("/webhook")[1] ?? "").status, "resolved");
    assert.match(JSON.parse(to("/bot123:ABC")[1] ?? "").text, /^All is well again\n\nOver: pi2 does not answer\.\n$/);
    assert.match(mails[1] ?? "", /^Subject: All is well again\r$/m);
  });
});

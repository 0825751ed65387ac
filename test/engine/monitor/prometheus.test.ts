import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { send } from "../../../lib/http.ts";
import { prometheusUser } from "../../../steps/image/manifest/contribution.ts";
import { imageWith } from "../../unit/image/roles/fixture.ts";
import { until } from "../agents.ts";
import { whyNoDebianRoot } from "../debian-root.ts";
import { freePort } from "../ports.ts";
import { contextFor, makeStack, type TestStack } from "../security/stack.ts";
import { monitorRoot, unpack } from "./monitor.ts";

describe("a Prometheus with the files of a secure image", function () {
  this.timeout("3m");
  let dir: string;
  let stack: TestStack;
  let port: number;
  let running: PromiseLike<unknown> & { kill(): boolean };

  before(async function () {
    if (await whyNoDebianRoot()) return this.skip();
    const [program = "", ...first] = (await monitorRoot()).start("usr/bin/prometheus");
    dir = mkdtempSync(path.join(tmpdir(), "piinit-prometheus-"));
    stack = await makeStack();
    port = await freePort();
    const image = imageWith({ prometheus: true }, { context: contextFor(stack.held.server, stack.gossipKeys) });
    unpack(image, dir, (text) => text.replaceAll("localhost:9090", `localhost:${port}`).replace(/: 15s/g, ": 1s"));
    running = execa(
      program,
      [
        ...first,
        `--config.file=${dir}/etc/prometheus/prometheus.yml`,
        `--web.config.file=${dir}/etc/prometheus/web.yml`,
        `--web.listen-address=127.0.0.1:${port}`,
        `--storage.tsdb.path=${dir}/data`,
      ],
      { reject: false },
    );
    await until("it listens", async () => (await ask("/-/ready", "")).status === 401);
  });
  after(async () => {
    running?.kill();
    await running;
    if (dir) rmSync(dir, { recursive: true });
  });

  const ask = (page: string, password: string) =>
    send({
      who: "Prometheus",
      url: `https://127.0.0.1:${port}${page}`,
      ca: stack.access.ca,
      headers: { authorization: `Basic ${Buffer.from(`${prometheusUser}:${password}`).toString("base64")}` },
      timeoutMs: 10_000,
      mostBytes: 1 << 22,
    });

  it("shows its pages to who has the password, and to nobody else", async () => {
    const password = stack.held.server.tokens.prometheusPage;
    for (const page of ["/metrics", "/api/v1/targets", "/-/ready", "/"]) {
      assert.equal((await ask(page, stack.held.server.tokens.dns)).status, 401, page);
      assert.notEqual((await ask(page, password)).status, 401, page);
    }
  });

  it("has its alerts", async () => {
    const { body } = await ask("/api/v1/rules", stack.held.server.tokens.prometheusPage);
    const { groups } = JSON.parse(body.toString()).data as { groups: { rules: { name: string }[] }[] };
    const names = groups.flatMap(({ rules }) => rules.map(({ name }) => name));
    assert.ok(names.includes("ServerGone") && names.includes("ConsulAtRisk"), names.join());
  });

  it("reads its own metrics", async () => {
    await until("it has read them", async () => {
      const { body } = await ask("/api/v1/query?query=up{job='prometheus'}", stack.held.server.tokens.prometheusPage);
      return body.includes(',"1"]');
    });
  });
});

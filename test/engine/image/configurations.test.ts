import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { silent } from "../../../lib/progress.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { nomad } from "../../../steps/image/roles/nomad.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { imageWith, textOf } from "../../unit/image/roles/fixture.ts";
import { startConsul, until } from "../agents.ts";
import { whyNoDebianRoot } from "../debian-root.ts";
import { monitorRoot } from "../monitor/monitor.ts";
import { freePort } from "../ports.ts";

const volumes = { media: { label: "usb-1" }, "my-data": { label: "minio1", readOnly: true } };
const monitor = imageWith({ consul: "client", dnsmasq: "machine", prometheus: true, "node-exporter": true });
const server = imageWith({
  consul: "server",
  dnsmasq: "lan",
  nomad: nomad.schema.parse({ role: "both", docker: true, volumes }),
  "node-exporter": true,
});

/** Debian keeps some programs where only root looks. */
const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

async function has(program: string): Promise<boolean> {
  const { failed } = await execa("sh", ["-c", `command -v "$1"`, "sh", program], { env, reject: false });
  return !failed;
}

describe("the configurations of an image", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(path.join(tmpdir(), "piinit-configurations-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Writes the image's files below a folder as they are, and returns where that folder is now. */
  function unpack(image: Manifest, folder: string): string {
    for (const { path: file, text } of image.files) {
      if (!file.startsWith(`${folder}/`)) continue;
      mkdirSync(path.dirname(dir + file), { recursive: true });
      writeFileSync(dir + file, text, { mode: 0o600 });
    }
    return dir + folder;
  }

  function write(file: string, text: string): string {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), text, { mode: 0o755 });
    return path.join(dir, file);
  }

  it("are accepted by Consul, with the address that a machine adds and all that is registered", async () => {
    const consul = await getTool("consul", { progress: silent });
    for (const image of [monitor, server]) {
      const folder = unpack(image, "/etc/consul.d");
      const address = write("consul-address.json", '{"advertise_addr": "192.168.2.51"}');
      await execa(consul.path, ["validate", folder, address]);
    }
  });

  it("are accepted by Nomad, with the address and the volumes that a machine adds", async () => {
    const nomadProgram = await getTool("nomad", { progress: silent });
    const folder = unpack(server, "/etc/nomad.d");
    const advertise = { http: "192.168.2.51", rpc: "192.168.2.51", serf: "192.168.2.51" };
    write("nomad/address.json", JSON.stringify({ advertise }));
    // As if every disk were there.
    write("bin/mountpoint", "#!/bin/sh\n");
    const script = write("mounted-volumes", textOf(server, "/usr/lib/piinit/mounted-volumes"));
    const { stdout } = await execa(script, { env: { PATH: `${dir}/bin:${process.env.PATH}` } });
    write("nomad/volumes.json", stdout);
    const clean = { env: { PATH: process.env.PATH ?? "", HOME: dir }, extendEnv: false };
    await execa(nomadProgram.path, ["config", "validate", folder, path.join(dir, "nomad")], clean);
  });

  it("are accepted by Prometheus", async function () {
    if (await whyNoDebianRoot()) this.skip();
    this.timeout("3m");
    const folder = unpack(monitor, "/etc/prometheus");
    const text = textOf(monitor, "/etc/prometheus/prometheus.yml");
    const file = write("prometheus.yml", text.replaceAll("/etc/prometheus", folder));
    const [program = "", ...first] = (await monitorRoot()).start("usr/bin/promtool");
    await execa(program, [...first, "check", "config", file], { env });
  });

  it("tell Prometheus of the services in Consul that have the tag prom, and of Nomad's clients", async function () {
    if (!(await has("jq")) || !(await has("curl"))) this.skip();
    const consul = await startConsul();
    const register = async (service: object) => {
      const body = JSON.stringify(service);
      const answer = await fetch(`${consul.url}/v1/agent/service/register`, { method: "PUT", body });
      assert.ok(answer.ok, await answer.text());
    };
    await register({ Name: "page", ID: "page-1", Port: 8080, Tags: ["web", "prom"] });
    await register({ Name: "page", ID: "page-2", Address: "127.0.0.2", Port: 8081, Tags: ["prom"] });
    await register({ Name: "nomad-client", Port: 4646, Tags: ["http"] });
    await register({ Name: "silent", Port: 9999 });
    const folder = path.dirname(write("targets/answers", ""));
    const filter = write("consul-targets.jq", textOf(monitor, "/usr/lib/piinit/consul-targets.jq"));
    const script = textOf(monitor, "/usr/lib/piinit/consul-targets")
      .replace("http://127.0.0.1:8500", consul.url)
      .replace("/usr/lib/piinit/consul-targets.jq", filter)
      .replace("/run/consul-targets", folder)
      .replace("sleep 30", "sleep 0.2");
    const running = execa(write("consul-targets", script), { env, reject: false });
    const found = () => JSON.parse(readFileSync(path.join(folder, "services.json"), "utf8")) as unknown[];
    try {
      await until("the targets are written", async () => existsSync(path.join(folder, "services.json")));
      const target = (address: string, service: string, tags: string) => ({
        targets: [address],
        labels: { __meta_consul_service: service, __meta_consul_tags: tags, __meta_consul_node: "test" },
      });
      await until("they are all there", async () => found().length === 3);
      assert.deepEqual(found(), [
        target("127.0.0.1:4646", "nomad-client", ",http,"),
        target("127.0.0.1:8080", "page", ",web,prom,"),
        target("127.0.0.2:8081", "page", ",prom,"),
      ]);
      await fetch(`${consul.url}/v1/agent/service/deregister/page-1`, { method: "PUT" });
      await until("a service that is gone is left out", async () => found().length === 2);
    } finally {
      await stop(running);
      await consul.stop();
    }
    assert.equal(found().length, 2);
  });

  it("are accepted by dnsmasq", async function () {
    if (!(await has("dnsmasq"))) this.skip();
    for (const image of [monitor, server]) {
      const file = write("dnsmasq.conf", textOf(image, "/etc/dnsmasq.conf"));
      await execa("dnsmasq", ["--test", `--conf-file=${file}`], { env });
    }
  });

  it("lead questions for .consul to Consul, and no others", async function () {
    if (!(await has("dnsmasq"))) this.skip();
    const port = await freePort();
    const asked: string[] = [];
    const agent = await answering(asked, "192.168.2.52");
    const own = textOf(monitor, "/etc/dnsmasq.conf")
      .replace("127.0.0.1#8600", `127.0.0.1#${agent.address().port}`)
      .replace("/run/systemd/resolve/resolv.conf", write("resolv.conf", ""))
      .replace(/^user=.*$/m, `user=${userInfo().username}`)
      .replace(/^group=.*\n/m, "");
    const file = write("running.conf", `${own}port=${port}\npid-file=${path.join(dir, "dnsmasq.pid")}\n`);
    const dnsmasq = execa("dnsmasq", ["--keep-in-foreground", `--conf-file=${file}`], { env, reject: false });
    try {
      const resolver = new Resolver({ timeout: 1000, tries: 1 });
      resolver.setServers([`127.0.0.1:${port}`]);
      await until("dnsmasq answers", async () => {
        const addresses = await resolver.resolve4("page.service.consul");
        assert.deepEqual(addresses, ["192.168.2.52"]);
        return true;
      });
      await assert.rejects(resolver.resolve4("example.org"));
      assert.ok(asked.length > 0 && asked.every((name) => name.endsWith(".consul")), asked.join(" "));
    } finally {
      await stop(dnsmasq);
      agent.close();
    }
  });
});

async function stop(child: PromiseLike<unknown> & { kill(): boolean }): Promise<void> {
  child.kill();
  await child;
}

/** A name server on 127.0.0.1 that gives one address for every name, and notes who was asked for. */
async function answering(asked: string[], address: string): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (question, { port }) => {
    asked.push(nameIn(question));
    socket.send(answerTo(question, address), port, "127.0.0.1");
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; question[at]; at += 1 + (question[at] ?? 0))
    labels.push(question.toString("latin1", at + 1, at + 1 + (question[at] ?? 0)));
  return labels.join(".");
}

/** The question with one A record behind it. */
function answerTo(question: Buffer, address: string): Buffer {
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8580, 2);
  header.writeUInt16BE(1, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  const end = question.indexOf(0, 12) + 5;
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]);
  return Buffer.concat([header, question.subarray(12, end), record]);
}

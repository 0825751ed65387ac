import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { projectDir } from "../../../lib/paths.ts";

interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

/** What each of our programs would answer, by its verb. */
const answers: Record<string, unknown> = {
  "lab-create": { publicKey: "ssh-ed25519 AAAA lab", keyFile: "/lab/id_ed25519" },
  build: { path: "/images/server.img", sha256: "0".repeat(64), bytes: 1, seconds: 1, reused: [] },
  "router-start": { port: 10000, user: "root", hostKey: "ssh-ed25519 BBBB", keyFile: "/lab/id_ed25519" },
  reserve: {},
  wait: { consulUrl: "http://127.0.0.1:11051", nomadUrl: "http://127.0.0.1:12051" },
};

function answerTo({ name, inputs }: Made): string {
  const verb = String(inputs.create).split(" ").at(-1) ?? "";
  if (verb !== "machine-start") return JSON.stringify(answers[verb] ?? "a gossip key");
  return JSON.stringify({ name: name.replace("machine-", ""), ports: { ssh: 1, consul: 2, nomad: 3 } });
}

describe("the program of the lab stack", function () {
  this.timeout(60_000);
  const made: Made[] = [];
  let program: { machines: pulumi.Output<{ name: string; consulUrl: string }[]>; consul: pulumi.Output<string> };

  const promiseOf = <Value>(output: pulumi.Output<Value>) =>
    new Promise<Value>((resolve) => void output.apply(resolve));
  const names = (type: string) => made.flatMap((resource) => (resource.type === type ? [resource.name] : [])).sort();
  /** What a step's program reads, without the wrapping of a secret. */
  const inputOf = (name: string) => {
    const stdin = made.find((resource) => resource.name === name)?.inputs.stdin;
    const text = typeof stdin === "string" ? stdin : (stdin as { value: string } | undefined)?.value;
    return JSON.parse(text ?? assert.fail(`${name} has no input`));
  };

  before(async () => {
    const { config } = parse(readFileSync(path.join(projectDir, "stacks", "Pulumi.lab.yaml"), "utf8"));
    const texts = Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    pulumi.runtime.setAllConfig(Object.fromEntries(texts));
    await pulumi.runtime.setMocks(
      {
        newResource(resource) {
          made.push(resource);
          const state = { ...resource.inputs };
          if (resource.type === "command:local:Command") state.stdout = answerTo(resource);
          return { id: resource.name, state };
        },
        call: ({ inputs }) => inputs,
      },
      "piinit",
      "lab",
    );
    program = await import("../../../index.ts");
    await pulumi.runtime.disconnect();
  });

  it("has a step for each part of the lifecycle, a key and a job each", () => {
    assert.deepEqual(names("command:local:Command"), [
      "cluster-consul-gossip",
      "cluster-nomad-gossip",
      "image-router",
      "image-server",
      "lab-folder",
      "lab-router",
      "machine-pi1",
      "machine-pi2",
      "machine-pi3",
      "ready",
      "reservation-pi1",
      "reservation-pi2",
      "reservation-pi3",
    ]);
    assert.deepEqual(names("consul:index/keys:Keys"), ["page/text"]);
    assert.deepEqual(names("nomad:index/job:Job"), ["heartbeat", "page"]);
  });

  it("tells where the host reaches each machine", async () => {
    const machines = await promiseOf(program.machines);
    assert.deepEqual(
      machines.map(({ name, consulUrl }) => [name, consulUrl]),
      [
        ["pi1", "http://127.0.0.1:2"],
        ["pi2", "http://127.0.0.1:2"],
        ["pi3", "http://127.0.0.1:2"],
      ],
    );
    assert.equal(await promiseOf(program.consul), "http://127.0.0.1:11051");
  });

  it("drives the lab's router like a home router, by the address and key that it answered", () => {
    const { router, reservation } = inputOf("reservation-pi2");
    assert.equal(router.kind, "dnsmasq");
    assert.equal(router.port, 10000);
    assert.equal(router.hostKey, "ssh-ed25519 BBBB");
    assert.deepEqual(reservation, { name: "pi2", mac: "52:54:00:12:34:52", ip: "192.168.2.52" });
  });

  it("lets the lab's key into its images, and the gossip keys too, on standard input only", () => {
    const { manifest } = inputOf("image-server");
    const textOf = (file: string) => manifest.files.find((entry: { path: string }) => entry.path === file).text;
    assert.match(textOf("/root/.ssh/authorized_keys"), /AAAA lab/);
    assert.match(textOf("/etc/consul.d/gossip.json"), /a gossip key/);
    const image = made.find(({ name }) => name === "image-server");
    const { stdin, ...others } = image?.inputs ?? {};
    assert.ok(stdin);
    assert.ok(!JSON.stringify(others).includes("gossip key"));
  });

  it("keeps every step's previous output out of the environment", () => {
    for (const { type, name, inputs } of made) {
      if (type === "command:local:Command") assert.equal(inputs.addPreviousOutputInEnv, false, name);
    }
  });
});

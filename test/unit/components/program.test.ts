import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import { type Made, runProgram, shippedSettings } from "./program.ts";

interface Program {
  machines: pulumi.Output<{ name: string; consulUrl: string }[]>;
  consul: pulumi.Output<string>;
}

describe("the program of the lab stack", function () {
  this.timeout(60_000);
  let made: Made[];
  let program: Program;

  const promiseOf = <Value>(output: pulumi.Output<Value>) =>
    new Promise<Value>((resolve) => void output.apply(resolve));
  const names = (type: string) => made.flatMap((resource) => (resource.type === type ? [resource.name] : [])).sort();
  /** What a step's program reads, without the wrapping of a secret. */
  const inputOf = (name: string) => {
    const stdin = made.find((resource) => resource.name === name && "stdin" in resource.inputs)?.inputs.stdin;
    const text = typeof stdin === "string" ? stdin : (stdin as { value: string } | undefined)?.value;
    return JSON.parse(text ?? assert.fail(`${name} has no input`));
  };

  before(async () => {
    ({ made, exports: program } = await runProgram<Program>("lab", shippedSettings("lab")));
  });

  it("has a step for each part of the lifecycle, a key and a job each", () => {
    assert.deepEqual(names("command:local:Command"), [
      "access",
      "certificate-server",
      "cluster-authority",
      "cluster-consul-gossip",
      "cluster-nomad-gossip",
      "image-router",
      "image-server",
      "job-heartbeat",
      "job-page",
      "lab-folder",
      "lab-router",
      "machine-pi1",
      "machine-pi2",
      "machine-pi3",
      "ready",
      "reservations",
    ]);
    assert.deepEqual(names("consul:index/keys:Keys"), ["page/text"]);
    assert.deepEqual(names("nomad:index/job:Job"), ["heartbeat", "page"]);
  });

  it("tells where the host reaches each machine", async () => {
    const machines = await promiseOf(program.machines);
    assert.deepEqual(
      machines.map(({ name, consulUrl }) => [name, consulUrl]),
      [
        ["pi1", "https://127.0.0.1:2"],
        ["pi2", "https://127.0.0.1:2"],
        ["pi3", "https://127.0.0.1:2"],
      ],
    );
    assert.equal(await promiseOf(program.consul), "http://127.0.0.1:11051");
  });

  it("drives the lab's router like a home router, by the address and key that it answered", () => {
    const { router, owner, reservations } = inputOf("reservations");
    assert.equal(router.kind, "dnsmasq");
    assert.equal(router.port, 10000);
    assert.equal(router.hostKey, "ssh-ed25519 BBBB");
    assert.equal(owner, "lab");
    assert.deepEqual(reservations[1], { name: "pi2", mac: "52:54:00:12:34:52", ip: "192.168.2.52" });
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

  it("keeps every step's previous output out of the environment, but for the reservations, the gate and the authority", () => {
    const seeing = ["reservations", "ready", "cluster-authority"];
    for (const { type, name, inputs } of made) {
      if (type === "command:local:Command") assert.equal(inputs.addPreviousOutputInEnv, seeing.includes(name), name);
    }
  });
});

/** The type of a value, or of a value in it, that is a secret on Pulumi's wire. */
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** All that Pulumi would store of it in clear. */
function inClear(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inClear);
  if (typeof value !== "object" || value === null) return value;
  if (Object.values(value).includes(secretSignature)) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inClear(part)]));
}

describe("settings that were set with --secret", function () {
  this.timeout(60_000);

  /** An output's parts that the SDK keeps to itself. */
  interface Settled {
    isSecret: Promise<boolean>;
    promise(): Promise<unknown>;
  }

  /** A home with a value for each setting, none of them a word that stands elsewhere too. */
  const home = {
    datacenter: "wien-hinten",
    network: { cidr: "10.71.72.0/24", domain: "villa.example", router: { kind: "manual" } },
    builder: { ssh: "hugo@kammer", port: 2244 },
    images: {
      server: {
        board: "pi4",
        roles: {
          consul: "server",
          nomad: "both",
          wifi: { ssid: "Nachbarn", country: "DE", passphrase: "grille im haus" },
        },
        files: [{ path: "/etc/token", text: "geheimnis-im-bild" }],
      },
    },
    machines: [1, 2, 3].map((number) => ({
      name: `pi${number}`,
      mac: `b8:27:eb:7a:7b:0${number}`,
      ip: `10.71.72.9${number}`,
      image: "server",
    })),
    kv: { "app/password": "schluesselwert" },
    jobs: { page: { file: "jobs/page.nomad.hcl", vars: { key: "variablenwert" } } },
    wait: "47m",
  };
  const { builder: _builder, ...labHome } = home;
  const lab = {
    ...labHome,
    lab: { memoryMiB: 777, cpus: 7 },
    images: {
      server: {
        board: "lab",
        roles: { consul: "server", nomad: "both" },
        files: [{ path: "/etc/token", text: "geheimnis-im-bild" }],
      },
    },
  };

  /** The texts that stand as values in a setting; names of images, keys and machines are no secrets. */
  function texts(value: unknown): string[] {
    if (typeof value !== "object" || value === null) return [String(value)];
    const named = { ...value, name: undefined, image: undefined, board: undefined, roles: undefined };
    const roles = (value as { roles?: { wifi?: object } }).roles?.wifi;
    return [...Object.values(Array.isArray(value) ? value : named), roles]
      .filter((part) => part !== undefined)
      .flatMap(texts)
      .filter((text) => text.length > 2 && text !== "manual" && !text.startsWith("/") && !text.startsWith("jobs/"));
  }

  const check = async (stack: string, settings: Record<string, unknown>, name: string) => {
    const { made, exports } = await runProgram<Record<string, Settled>>(stack, settings, [name]);
    const outputs = Object.entries(exports).map(async ([key, output]) => {
      return { key, isSecret: await output.isSecret, value: await output.promise() };
    });
    const clear = JSON.stringify([inClear(made), (await Promise.all(outputs)).filter(({ isSecret }) => !isSecret)]);
    const wanted = texts(settings[name]);
    assert.ok(wanted.length > 0);
    for (const text of wanted) assert.ok(!clear.includes(text), `${text} of ${name} is in clear: ${clear}`);
  };

  for (const name of Object.keys(home))
    it(`are nowhere in clear in a home's resources and outputs: ${name}`, () => check("home", home, name));
  for (const name of Object.keys(lab).filter((name) => name !== "lab"))
    it(`are nowhere in clear in a lab's resources and outputs: ${name}`, () => check("lab", lab, name));
});

describe("a stack that needs less", function () {
  this.timeout(60_000);

  const types = async (change: (settings: Record<string, unknown>) => object) => {
    const settings = shippedSettings("lab");
    const { made } = await runProgram("lab", { ...settings, ...change(settings) });
    return new Set(made.map(({ type }) => type));
  };
  const consulOnly = { server: { board: "lab", roles: { consul: "server", ssh: {} } } };

  it("has no Nomad provider without Nomad", async () => {
    const made = await types(() => ({ images: consulOnly, jobs: {} }));
    assert.ok(!made.has("pulumi:providers:nomad"));
    assert.ok(made.has("pulumi:providers:consul"));
  });

  it("has no provider for jobs and keys that there aren't", async () => {
    const made = await types(() => ({ jobs: {}, kv: {} }));
    assert.deepEqual(
      [...made].filter((type) => type.startsWith("pulumi:providers:")),
      [],
    );
  });
});

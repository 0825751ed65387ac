import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { nomad } from "../../../../steps/image/roles/nomad.ts";
import { home, imageWith, jsonOf, settingsOf, textOf } from "./fixture.ts";

const withNomad = (options: object) => imageWith({ nomad: nomad.schema.parse(options) });
const volumes = { media: { label: "usb-1" }, "my-data": { label: "minio1", readOnly: true } };

describe("the role nomad", () => {
  it("has a short form", () => {
    assert.deepEqual(nomad.schema.parse("both"), { role: "both", docker: false, dockerFolders: false, volumes: {} });
    assert.deepEqual(nomad.schema.parse({ role: "client" }), {
      role: "client",
      docker: false,
      dockerFolders: false,
      volumes: {},
    });
  });

  it("is a server, a client or both", () => {
    const enabled = (role: string) => {
      const { server, client } = jsonOf(withNomad({ role }), "/etc/nomad.d/nomad.json");
      return [server?.enabled === true, client?.enabled === true];
    };
    assert.deepEqual(enabled("server"), [true, false]);
    assert.deepEqual(enabled("client"), [false, true]);
    assert.deepEqual(enabled("both"), [true, true]);
  });

  it("refuses docker and volumes where no jobs run, and names that can't be", () => {
    for (const more of [{ docker: true }, { volumes: { media: { label: "usb" } } }])
      assert.match(
        nomad.schema.safeParse({ role: "server", ...more }).error?.message ?? "",
        /must be a client .* to have docker or volumes/,
      );
    for (const bad of ["Media", "a/b", "../etc"])
      assert.ok(!nomad.schema.safeParse({ role: "client", volumes: { [bad]: { label: "usb" } } }).success, bad);
    for (const label of ["", "a b", "a/b"])
      assert.ok(!nomad.schema.safeParse({ role: "client", volumes: { media: { label } } }).success, label);
  });

  it("ends what its tasks have left when the machine is switched off, after the agent and before the data goes", () => {
    const service = textOf(withNomad({ role: "client" }), "/etc/systemd/system/nomad-tasks.service");
    assert.deepEqual(settingsOf(service, "Before"), ["nomad.service"]);
    assert.deepEqual(settingsOf(service, "RequiresMountsFor"), ["/data"]);
    const { files } = withNomad({ role: "server" });
    assert.ok(files.every(({ path }) => !path.includes("nomad-tasks")));
  });

  it("runs no tasks but those of its drivers, and names its jobs to the network only where a Prometheus wants it", () => {
    const configIn = (machines: typeof home.machines) => {
      const options = { nomad: nomad.schema.parse({ role: "both", docker: true }) };
      return jsonOf(imageWith(options, { context: { ...home, machines } }), "/etc/nomad.d/nomad.json");
    };
    const { client, telemetry } = configIn(home.machines);
    assert.deepEqual([client.options["driver.allowlist"], telemetry.publish_allocation_metrics], ["exec,docker", true]);
    assert.equal(configIn([]).telemetry.publish_allocation_metrics, false);
  });

  it("keeps the id that its server has, and makes one where there is none, or where a power cut has emptied it", () => {
    const dir = mkdtempSync(path.join(tmpdir(), "piinit-nomad-"));
    const script = path.join(dir, "prepare-nomad");
    const file = path.join(dir, "server/node-id");
    const here = (text: string) =>
      text
        .replaceAll(/\/data\/nomad|\/run\/piinit/g, dir)
        .replace(/^\/usr\/lib.*/gm, "")
        .replace("/usr/lib/piinit/node-id", "echo made >");
    writeFileSync(script, here(textOf(withNomad({ role: "server" }), "/usr/lib/piinit/prepare-nomad")));
    mkdirSync(path.dirname(file));
    writeFileSync(path.join(dir, "machine"), "pi3 192.168.2.53 24\n");
    const after = (before: string | undefined) => {
      if (before !== undefined) writeFileSync(file, before);
      execFileSync("sh", [script]);
      return readFileSync(file, "utf8").trim();
    };
    const own = "f9aba00d-ef70-6a96-8bb2-d9efc57707c7";
    assert.deepEqual([undefined, "", own, `${own}\n`].map(after), ["made", "made", own, own]);
    rmSync(dir, { recursive: true });
  });

  it("is another client under another address, and the same one otherwise", () => {
    const dir = mkdtempSync(path.join(tmpdir(), "piinit-nomad-"));
    const script = path.join(dir, "prepare-nomad");
    const here = (text: string) => text.replaceAll(/\/data\/nomad|\/run\/piinit/g, dir).replace(/^\/usr\/lib.*/gm, "");
    writeFileSync(script, here(textOf(withNomad({ role: "client" }), "/usr/lib/piinit/prepare-nomad")));
    mkdirSync(path.join(dir, "client"));
    const ids = ["client-id", "secret-id"].map((name) => path.join(dir, "client", name));
    const keptAt = (address: string) => {
      for (const file of ids) writeFileSync(file, "an id");
      writeFileSync(path.join(dir, "machine"), `pi3 ${address} 24\n`);
      execFileSync("sh", [script]);
      return ids.map((file) => existsSync(file));
    };
    for (const address of ["192.168.2.53", "192.168.2.53"]) assert.deepEqual(keptAt(address), [true, true]);
    assert.deepEqual(keptAt("192.168.2.63"), [false, false]);
    assert.deepEqual(keptAt("192.168.2.63"), [true, true]);
    rmSync(dir, { recursive: true });
  });

  it("starts after Consul, and after the time is right", () => {
    const [after = ""] = settingsOf(textOf(withNomad({ role: "both" }), "/etc/systemd/system/nomad.service"), "After");
    for (const unit of ["consul.service", "time-sync.target"]) assert.ok(after.split(" ").includes(unit), after);
  });
});

describe("Docker for Nomad", () => {
  const image = withNomad({ role: "client", docker: true });

  it("is absent unless asked for", () => {
    const without = withNomad({ role: "client" });
    assert.ok(!without.packages.includes("docker.io"));
    assert.equal(jsonOf(without, "/etc/nomad.d/nomad.json").plugin, undefined);
  });

  it("keeps everything on the data file system, with bounded logs", () => {
    const daemon = jsonOf(image, "/etc/docker/daemon.json");
    assert.equal(daemon["data-root"], "/data/docker");
    assert.equal(daemon["log-driver"], "local");
    assert.ok(daemon["log-opts"]["max-size"]);
    assert.match(textOf(image, "/etc/containerd/config.toml"), /^root = "\/data\/containerd"$/m);
    for (const unit of ["docker", "containerd"])
      assert.match(textOf(image, `/etc/systemd/system/${unit}.service.d/data.conf`), /RequiresMountsFor=\/data/);
  });

  it("lets jobs run nothing privileged, and bind folders only if that is wanted", () => {
    const configOf = (manifest: typeof image) => jsonOf(manifest, "/etc/nomad.d/nomad.json").plugin.docker.config;
    assert.deepEqual(configOf(image), { allow_privileged: false, volumes: { enabled: false } });
    const withFolders = withNomad({ role: "client", docker: true, dockerFolders: true });
    assert.deepEqual(configOf(withFolders), { allow_privileged: false, volumes: { enabled: true } });
    const alone = nomad.schema.safeParse({ role: "client", dockerFolders: true });
    assert.match(alone.error?.message ?? "", /must be false without docker/);
  });
});

describe("volumes of Nomad", () => {
  const image = withNomad({ role: "client", volumes });
  const units = "/etc/systemd/system";

  it("are mounted by label when the disk is there, and no boot waits for them", () => {
    const unit = textOf(image, `${units}/mnt-my\\x2ddata.mount`);
    assert.deepEqual(settingsOf(unit, "What"), ["/dev/disk/by-label/minio1"]);
    assert.deepEqual(settingsOf(unit, "Where"), ["/mnt/my-data"]);
    const options = settingsOf(unit, "Options")[0]?.split(",") ?? [];
    for (const option of ["nofail", "noatime", "ro"]) assert.ok(options.includes(option), option);
    assert.ok(
      !settingsOf(textOf(image, `${units}/mnt-media.mount`), "Options")[0]
        ?.split(",")
        .includes("ro"),
    );
    const wanting = image.links.filter(({ path }) => path.includes(".device.wants/")).map(({ path }) => path);
    assert.deepEqual(wanting, [
      `${units}/dev-disk-by\\x2dlabel-usb\\x2d1.device.wants/mnt-media.mount`,
      `${units}/dev-disk-by\\x2dlabel-minio1.device.wants/mnt-my\\x2ddata.mount`,
    ]);
  });

  it("can't be written to while their disk is missing", () => {
    const seal = textOf(image, `${units}/seal-mount-points.service`);
    assert.deepEqual(settingsOf(seal, "ExecStart"), [
      "-/usr/bin/chattr +i /mnt/media",
      "-/usr/bin/chattr +i /mnt/my-data",
    ]);
    assert.match(settingsOf(seal, "Before").join(" "), /nomad\.service/);
    assert.match(textOf(image, `${units}/mnt-media.mount`), /^After=seal-mount-points\.service/m);
  });

  it("can't be a file system of the machine's own, nor one disk under two names", () => {
    const faultOf = (labels: Record<string, string>) => {
      const given = Object.fromEntries(Object.entries(labels).map(([name, label]) => [name, { label }]));
      const [issue] = nomad.schema.safeParse({ role: "client", volumes: given }).error?.issues ?? [];
      return `${issue?.path.join(".")} ${issue?.message}`;
    };
    for (const label of ["data", "root", "BOOT"])
      assert.match(faultOf({ media: label }), /^volumes\.media\.label must be another label: /);
    assert.equal(faultOf({ media: "usb", films: "usb" }), "volumes.films.label must be unique: media has it too");
    assert.ok(nomad.schema.safeParse({ role: "client", volumes: { data: { label: "usb" } } }).success);
  });

  it("are absent from an image that has none", () => {
    const none = withNomad({ role: "client" });
    assert.ok(!none.files.some(({ path }) => /volume|\.mount$|seal/.test(path)));
  });

  /** What the image's script says when only these are mount points. */
  function mountedWhen(mounted: string[]): unknown {
    const dir = mkdtempSync(path.join(tmpdir(), "piinit-volumes-"));
    try {
      const cases = mounted.map((name) => `/mnt/${name}) exit 0 ;;`).join(" ");
      writeFileSync(path.join(dir, "mountpoint"), `#!/bin/sh\ncase "$2" in ${cases} esac\nexit 1\n`, { mode: 0o755 });
      const env = { PATH: `${dir}:${process.env.PATH}` };
      const text = textOf(image, "/usr/lib/piinit/mounted-volumes");
      return JSON.parse(execFileSync("sh", { input: text, env, encoding: "utf8" }));
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  it("are Nomad's only while their disk is mounted", () => {
    const media = { path: "/mnt/media", read_only: false };
    const data = { path: "/mnt/my-data", read_only: true };
    assert.deepEqual(mountedWhen([]), { client: { host_volume: [] } });
    assert.deepEqual(mountedWhen(["my-data"]), { client: { host_volume: [{ "my-data": data }] } });
    assert.deepEqual(mountedWhen(["media", "my-data"]), { client: { host_volume: [{ media }, { "my-data": data }] } });
  });
});

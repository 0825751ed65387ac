import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../../../components/settings.ts";
import { UserError } from "../../../lib/errors.ts";
import { projectDir } from "../../../lib/paths.ts";
import { serversOf } from "../../../steps/image/roles/servers.ts";

const machine = (number: number, more: object = {}) => ({
  name: `pi${number}`,
  mac: `b8:27:eb:00:00:0${number}`,
  ip: `192.168.2.5${number}`,
  image: "server",
  ...more,
});

const home = (more: object = {}) => ({
  network: { cidr: "192.168.2.0/24" },
  images: { server: { board: "pi3", roles: { consul: "server", nomad: "both" } } },
  machines: [machine(1), machine(2), machine(3)],
  ...more,
});

const router = (more: object) => ({
  network: {
    cidr: "192.168.2.0/24",
    router: { kind: "dnsmasq", host: "192.168.2.1", hostsDir: "/etc/piinit", ...more },
  },
});

const faultsOf = (settings: object): string => {
  try {
    parseSettings(settings as Record<string, unknown>, "home");
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message;
  }
  return assert.fail("these settings should have been refused");
};

describe("settings that are right", () => {
  it("get every default", () => {
    const settings = parseSettings(home(), "home");
    assert.equal(settings.datacenter, "dc1");
    assert.equal(settings.network.domain, "home.arpa");
    assert.deepEqual(settings.network.router, { kind: "manual" });
    assert.equal(settings.wait, 600);
    assert.deepEqual(settings.jobs, {});
  });

  it("have lists and maps for a job's variables as the expressions that a job file has", () => {
    const vars = { places: ["home", "$" + "{x}"], sizes: { small: 1, large: [2, true] }, text: '["home"]', one: 1.5 };
    const { jobs } = parseSettings(home({ jobs: { a: { file: "a.hcl", vars } } }), "home");
    assert.deepEqual(jobs.a?.vars, {
      places: '["home","$$' + '{x}"]',
      sizes: '{"small":1,"large":[2,true]}',
      text: '["home"]',
      one: "1.5",
    });
  });

  it("name the servers of each agent", () => {
    const settings = parseSettings(
      home({
        images: {
          server: { board: "pi3", roles: { consul: "server", nomad: "both" } },
          monitor: { board: "pi-zero", roles: { consul: "client" } },
        },
        machines: [machine(1), machine(2), machine(3), machine(4, { image: "monitor" })],
      }),
      "home",
    );
    assert.deepEqual(
      serversOf(settings, "consul").map(({ name }) => name),
      ["pi1", "pi2", "pi3"],
    );
    assert.deepEqual(
      serversOf(settings, "nomad").map(({ name }) => name),
      ["pi1", "pi2", "pi3"],
    );
  });

  it("take MAC addresses in capitals, and numbers and truths as texts of keys", () => {
    const settings = parseSettings(
      home({ machines: [machine(1, { mac: "B8:27:EB:00:00:01" }), machine(2), machine(3)], kv: { a: 1, b: true } }),
      "home",
    );
    assert.equal(settings.machines[0]?.mac, "b8:27:eb:00:00:01");
    assert.deepEqual(settings.kv, { a: "1", b: "true" });
  });

  it("name a builder as ssh does, and leave to ssh what isn't said", () => {
    const builderOf = (builder: object) => parseSettings(home({ builder }), "home").builder;
    assert.deepEqual(builderOf({ ssh: "me@nuc.lan", port: 2222 }), { host: "nuc.lan", user: "me", port: 2222 });
    assert.deepEqual(builderOf({ ssh: "vagrant" }), { host: "vagrant", user: undefined });
  });

  it("are those of the lab as it is checked in", () => {
    const file = parse(readFileSync(path.join(projectDir, "stacks", "Pulumi.lab.yaml"), "utf8"));
    const raw = Object.fromEntries(
      Object.entries(file.config as object).map(([key, value]) => [key.replace("piinit:", ""), value]),
    );
    assert.equal(parseSettings(raw, "lab").machines.length, 3);
  });
});

describe("settings that can't be", () => {
  const refused: [string, object, RegExp][] = [
    ["two servers", { machines: [machine(1), machine(2)] }, /piinit:machines {2}2 Consul server\(s\) can't lose one/],
    [
      "four servers",
      { machines: [machine(1), machine(2), machine(3), machine(4)] },
      /piinit:machines {2}4 Consul servers survive no more failures than 3/,
    ],
    [
      "no server at all",
      { images: { server: { board: "pi3", roles: { consul: "client" } } } },
      /no machine is a Consul server/,
    ],
    [
      "a name twice",
      { machines: [machine(1), machine(2), machine(3, { name: "pi1" })] },
      /machines\[2\]\.name {2}pi1 is already/,
    ],
    [
      "a MAC twice, written in another case",
      { machines: [machine(1), machine(2), machine(3, { mac: "B8:27:EB:00:00:01" })] },
      /machines\[2\]\.mac {2}b8:27:eb:00:00:01 is already that of pi1/,
    ],
    ["an IP twice", { machines: [machine(1), machine(2), machine(3, { ip: "192.168.2.51" })] }, /machines\[2\]\.ip/],
    [
      "an IP outside the network",
      { machines: [machine(1), machine(2), machine(3, { ip: "192.168.3.53" })] },
      /machines\[2\]\.ip {2}192\.168\.3\.53 is not a host address of the network 192\.168\.2\.0\/24/,
    ],
    [
      "the broadcast address",
      { machines: [machine(1), machine(2), machine(3, { ip: "192.168.2.255" })] },
      /machines\[2\]\.ip {2}192\.168\.2\.255 is not a host address/,
    ],
    [
      "an image that is not defined",
      { machines: [machine(1), machine(2), machine(3), machine(5, { image: "monitor" })] },
      /machines\[3\]\.image {2}monitor is none of the images: server/,
    ],
    [
      "Nomad on a 32-bit board",
      { images: { server: { board: "pi2", roles: { consul: "server", nomad: "both" } } } },
      /images\.server\.roles\.nomad {2}pi2 is a 32-bit board/,
    ],
    [
      "a name that is no host name",
      { machines: [machine(1, { name: "Pi_1" }), machine(2), machine(3)] },
      /machines\[0\]\.name/,
    ],
    ["a setting that does not exist", { colour: "red" }, /has no setting colour/],
    [
      "a lab board outside the lab",
      { images: { server: { board: "lab", roles: { consul: "server" } } } },
      /virtual machines only/,
    ],
    [
      "jobs without a machine to run them",
      { images: { server: { board: "pi3", roles: { consul: "server" } } }, jobs: { a: { file: "a.hcl" } } },
      /no machine is a Nomad client/,
    ],
    ["no network", { network: undefined }, /piinit:network {2}is missing/],
    ["a router that ssh takes for an option", router({ host: "-v" }), /router\.host {2}must be the router's name or/],
    ["a folder that a shell reads otherwise", router({ hostsDir: "/x'y" }), /router\.hostsDir {2}must be an absolute/],
    ["half a host key", router({ hostKey: "ssh-ed25519" }), /router\.hostKey {2}must be a public host key/],
    [
      "a kind of router that there isn't",
      router({ kind: "fritzbox" }),
      /router\.kind {2}must have a kind: dnsmasq or manual/,
    ],
    ["a network without its length", { network: { cidr: "192.168.2.0" } }, /cidr {2}must be a network such as [^\n]*$/],
    [
      "a builder that ssh would take for an option",
      { builder: { ssh: "-oProxyCommand=x" } },
      /builder\.ssh {2}must be USER@HOST/,
    ],
    ["a wait without a unit", { wait: "10" }, /piinit:wait {2}must be a duration/],
    [
      "a private key in place of a public one",
      { images: { server: { board: "pi3", roles: { consul: "server", ssh: { keys: ["-----BEGIN"] } } } } },
      /ssh\.keys\[0\] {2}must be a public key/,
    ],
  ];
  for (const [what, more, message] of refused) {
    it(`are refused with the path and the reason: ${what}`, () => assert.match(faultsOf(home(more)), message));
  }

  it("are told without the values of secret settings", () => {
    const settings = home({
      wait: "hush-hush",
      machines: [machine(1, { mac: "se:cr:et" }), machine(2), machine(3)],
      kv: { a: ["hidden"] },
    });
    const messageOf = (...secret: string[]) => {
      try {
        parseSettings(settings, "home", { secret: new Set(secret) });
      } catch (error) {
        return String(error);
      }
      return assert.fail();
    };
    const open = messageOf();
    for (const text of ["hush-hush", "se:cr:et"]) assert.ok(open.includes(text), open);
    const kept = messageOf("wait", "machines");
    assert.match(kept, /piinit:machines\[0\]\.mac {2}must be a MAC address/);
    for (const text of ["hush-hush", "se:cr:et"]) assert.ok(!kept.includes(text), kept);
  });

  it("are told all at once", () => {
    const message = faultsOf({
      ...home(),
      wait: "soon",
      datacenter: "Home Sweet Home",
      machines: [machine(1)],
    });
    for (const path of ["piinit:wait", "piinit:datacenter", "can't lose one"])
      assert.ok(message.includes(path), message);
  });

  it("may be fewer or an even number of servers in the lab", () => {
    const images = { server: { board: "lab", roles: { consul: "server" } } };
    assert.equal(parseSettings(home({ lab: {}, images, machines: [machine(1)] }), "lab").machines.length, 1);
  });

  it("may not take the lab router's address or a network too large for its ports", () => {
    const images = { server: { board: "lab", roles: { consul: "server" } } };
    const lab = home({ lab: {}, images, machines: [machine(1, { ip: "192.168.2.1" })] });
    assert.match(faultsOf(lab), /machines\[0\]\.ip {2}192\.168\.2\.1 is the router's own/);
    assert.match(faultsOf({ ...lab, network: { cidr: "192.168.0.0/16" } }), /too large for a lab/);
  });
});

describe("names in the settings", () => {
  const labHome = (machineMore: object, images: object = {}) => {
    const server = { board: "lab", roles: { consul: "server" } };
    return home({ lab: {}, images: { server, ...images }, machines: [machine(1, machineMore)] });
  };

  const refused: [string, object, RegExp][] = [
    ["the lab router's name", labHome({ name: "router" }), /machines\[0\]\.name {2}router is the router's own/],
    ["the lab router's MAC", labHome({ mac: "52:54:00:00:00:01" }), /machines\[0\]\.mac {2}\S+ is the router's own/],
    [
      "the MAC of the lab router's other card",
      labHome({ mac: "52:54:00:00:00:02" }),
      /machines\[0\]\.mac {2}\S+ is the router's own/,
    ],
    [
      "the lab router's image",
      labHome({}, { router: { board: "lab", roles: {} } }),
      /images\.router {2}is the name of the lab router's own image/,
    ],
    [
      "a home router's address",
      home({
        network: {
          cidr: "192.168.2.0/24",
          router: { kind: "dnsmasq", host: "192.168.2.52", hostsDir: "/etc/hosts.d" },
        },
      }),
      /machines\[1\]\.ip {2}192\.168\.2\.52 is the router's own/,
    ],
    [
      "dnsmasq's keyword ignore",
      labHome({ name: "ignore" }),
      /machines\[0\]\.name {2}must be another name: dnsmasq takes/,
    ],
    ["dnsmasq's keyword infinite", labHome({ name: "infinite" }), /must be another name: dnsmasq takes/],
    ["the name of every machine", labHome({ name: "localhost" }), /must be another name: every machine/],
    [
      "the address of a group",
      labHome({ mac: "01:00:5e:00:00:01" }),
      /machines\[0\]\.mac {2}must be the address of one/,
    ],
    ["an image that every object has", labHome({ image: "constructor" }), /constructor is none of the images: server/],
    [
      "a key of JavaScript's own",
      JSON.parse(JSON.stringify(home({ kv: { x: "1" } })).replace('"x"', '"__proto__"')),
      /kv\.__proto__ {2}is a name that can't be used/,
    ],
  ];
  for (const [what, settings, message] of refused)
    it(`are refused: ${what}`, () => assert.match(faultsOf(settings), message));

  it("may be what every JavaScript object has", () => {
    const image = { board: "pi3", roles: { consul: "server", nomad: "both" } };
    const settings = parseSettings(
      home({
        images: { constructor: image },
        machines: [1, 2, 3].map((number) => machine(number, { image: "constructor" })),
        kv: { toString: "a" },
        jobs: { constructor: { file: "jobs/page.nomad.hcl" } },
      }),
      "home",
    );
    assert.equal(serversOf(settings, "nomad").length, 3);
    assert.deepEqual(Object.keys(settings.kv), ["toString"]);
    assert.deepEqual(Object.keys(settings.jobs), ["constructor"]);
  });

  it("may be the lab router's in a home", () => {
    const settings = parseSettings(
      home({ machines: [machine(1), machine(2), machine(3, { name: "router" })] }),
      "home",
    );
    assert.equal(settings.machines[2]?.name, "router");
  });
});

describe("what an image is made from", () => {
  const sha256 = "0123456789abcdef".repeat(4);
  const snapshot = "http://snapshots.example/ARCHIVE/20260801T000000Z";
  const withImage = (image: object) => home({ images: { server: { roles: { consul: "server" }, ...image } } });
  const baseOf = (base: object) =>
    parseSettings(withImage({ board: "pi3", base }), "home").images.server?.base ?? assert.fail();

  it("is Debian trixie unless another suite, a moment or an image is named", () => {
    assert.deepEqual(parseSettings(home(), "home").images.server?.base, { suite: "trixie", snapshot: undefined });
    assert.deepEqual(baseOf({ snapshot }), { suite: "trixie", snapshot });
    assert.deepEqual(baseOf({ image: "downloads/os.img.zst", sha256: sha256.toUpperCase() }), {
      image: "downloads/os.img.zst",
      sha256,
    });
  });

  it("is refused when it is half of one, or of a kind that can't be opened", () => {
    const refused = (base: object, fault: string) =>
      assert.ok(faultsOf(withImage({ board: "pi3", base })).includes(`piinit:images.server.base${fault}`), fault);
    refused({ image: "os.img.xz" }, "  must have image and sha256");
    refused({ sha256 }, "  must have image and sha256");
    refused({ image: "os.img.xz", sha256: "123" }, ".sha256  must be the sum");
    refused({ image: "os.zip", sha256 }, ".image  must be a file or an address that ends in");
    refused({ image: "os.img", sha256, suite: "trixie" }, "  must be either");
    refused({ snapshot: "yesterday" }, ".snapshot  must be the address of an archive");
    refused({ suite: "trixie main" }, ".suite  must be a suite");
    refused({ distribution: "arch" }, ".distribution  must be debian");
    refused({ mirror: "here" }, "  has no setting mirror");
  });

  it("can be an image on a Raspberry Pi only, whose root can't be read-only", () => {
    const base = { image: "os.img", sha256 };
    assert.match(faultsOf(withImage({ board: "amd64", base })), /images\.server\.base {2}can't be an image on amd64/);
    assert.match(
      faultsOf(withImage({ board: "pi3", base, readOnlyRoot: true })),
      /images\.server\.readOnlyRoot {2}can't be had on an existing image/,
    );
  });
});

describe("how an image boots", () => {
  const base = { image: "os.img", sha256: "0".repeat(64) };
  const withImage = (image: object) => home({ images: { server: { roles: { consul: "server" }, ...image } } });
  const bootOf = (boot: object, more: object = {}) =>
    parseSettings(withImage({ board: "pi4", boot, ...more }), "home").images.server?.boot;
  const refused = (boot: object, fault: RegExp, more: object = {}) =>
    assert.match(faultsOf(withImage({ board: "pi4", boot, ...more })), fault);

  it("may have words for the kernel and lines for a Raspberry Pi's firmware", () => {
    const boot = { kernel: ["usb-storage.quirks=152d:0578:u"], config: ["gpu_mem=16", "[pi4]", "arm_boost=1"] };
    assert.deepEqual(bootOf(boot), boot);
    assert.deepEqual(bootOf({}), { kernel: [], config: [] });
    assert.ok(bootOf({ config: ["dtoverlay=rpi-poe"] }, { base }));
  });

  it("can't take what is no single word or line, or what the machine is found and started by", () => {
    refused({ kernel: ["quiet splash"] }, /boot\.kernel\[0\] {2}must be one word/);
    refused(
      { kernel: ["root=/dev/sda2"] },
      /boot\.kernel\[0\] {2}must not be root=\/dev\/sda2, which piinit sets itself/,
    );
    refused({ config: ["gpu_mem=16\nkernel=x"] }, /boot\.config\[0\] {2}must be a line/);
    refused(
      { config: ["kernel=other.img"] },
      /boot\.config\[0\] {2}must not be kernel=other\.img, which piinit sets itself/,
    );
  });

  it("is refused where it would have no effect, with what would", () => {
    refused({ config: ["gpu_mem=16"] }, /boot\.config\[0\] {2}must be left out: amd64 has no/, {
      board: "amd64",
    });
    refused(
      { config: ["gpu_mem=16", "dtoverlay=rpi-poe"] },
      /boot\.config\[1\] {2}must be left out, or .* Raspberry Pi OS/,
    );
    const files = (path: string) => faultsOf(withImage({ board: "pi4", files: [{ path, text: "" }] }));
    assert.match(
      files("/boot/firmware/config.txt"),
      /files\[0\]\.path {2}must not be \/boot\/firmware\/config\.txt: .*boot\.config instead/,
    );
    for (const path of ["/data/x", "/run/x", "/tmp/x", "/proc/x", "/sys/x", "/dev/x", "/var/run/x"])
      assert.match(files(path), new RegExp(`files\\[0\\]\\.path {2}must not be ${path}: `), path);
    assert.ok(parseSettings(withImage({ board: "pi4", files: [{ path: "/database/x", text: "" }] }), "home"));
  });
});

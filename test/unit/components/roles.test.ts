import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readExtraFiles } from "../../../components/images.ts";
import { expectedMachines } from "../../../components/machines.ts";
import type { Settings } from "../../../components/schema/stack.ts";
import { parseSettings } from "../../../components/settings.ts";
import { UserError } from "../../../lib/errors.ts";
import { projectDir } from "../../../lib/paths.ts";
import { serversOf } from "../../../steps/image/roles/servers.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy me";

/** A home whose one image has these roles, and whatever else is given. */
const settingsWith = (roles: object, image: object = {}, more: object = {}) =>
  parseSettings(
    {
      network: { cidr: "192.168.2.0/24" },
      images: { server: { board: "pi3", roles: { consul: "server", ...roles }, ...image } },
      machines: [1, 2, 3].map((number) => ({
        name: `pi${number}`,
        mac: `b8:27:eb:00:00:0${number}`,
        ip: `192.168.2.5${number}`,
        image: "server",
      })),
      ...more,
    },
    "home",
  );

const faultsWith = (...given: Parameters<typeof settingsWith>): string => {
  try {
    settingsWith(...given);
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message;
  }
  return assert.fail("these settings should have been refused");
};

describe("the roles of an image in the settings", () => {
  it("may be all that there are", () => {
    const { server } = settingsWith({
      nomad: { role: "both", docker: true, volumes: { media: { label: "usb" } } },
      dnsmasq: "lan",
      "node-exporter": true,
      prometheus: true,
      ssh: { keys: [key] },
      terraform: true,
      wifi: { ssid: "home", country: "DE", passphrase: "12345678" },
    }).images;
    assert.deepEqual(server?.roles.nomad?.volumes, { media: { label: "usb", readOnly: false } });
    assert.equal(server?.roles.dnsmasq, "lan");
  });

  it("mean the same in Nomad's short form and its long one", () => {
    for (const nomad of ["both", { role: "both" }]) {
      const settings = settingsWith({ nomad });
      assert.equal(serversOf(settings, "nomad").length, 3);
      assert.deepEqual(
        expectedMachines(settings).map(({ nomad }) => nomad),
        ["both", "both", "both"],
      );
    }
    assert.equal(expectedMachines(settingsWith({}))[0]?.nomad, undefined);
  });

  it("run jobs on a client in either form", () => {
    const jobs = { page: { file: "jobs/page.nomad.hcl" } };
    assert.ok(settingsWith({ nomad: { role: "both" } }, {}, { jobs }));
    assert.match(faultsWith({ nomad: { role: "server" } }, {}, { jobs }), /must have a machine to run on/);
  });

  const refused: [string, object, RegExp][] = [
    ["dnsmasq for nobody", { dnsmasq: true }, /roles\.dnsmasq {2}true must be machine .* or lan/],
    ["a role that is switched off", { prometheus: false }, /roles\.prometheus {2}false must be true, or left out/],
    [
      "an unknown role of Nomad",
      { nomad: "servr" },
      /roles\.nomad\.role {2}servr must be server, client or both; did you mean `server`\?$/m,
    ],
    [
      "an unknown option of Nomad",
      { nomad: { role: "both", dockr: true } },
      /roles\.nomad\.dockr {2}is unknown; did you mean `docker`\?$/m,
    ],
    [
      "Docker without a client",
      { nomad: { role: "server", docker: true } },
      /roles\.nomad {2}this map must be a client/,
    ],
    [
      "a volume without a label",
      { nomad: { role: "both", volumes: { media: {} } } },
      /roles\.nomad\.volumes\.media\.label {2}is missing/,
    ],
    [
      "a country in words",
      { wifi: { ssid: "home", country: "Germany", passphrase: "12345678" } },
      /roles\.wifi\.country {2}Germany must be a country's two capital letters/,
    ],
    [
      "messages of no Prometheus",
      { alertmanager: { telegram: { token: "1:A", chat: 1 } } },
      /roles\.alertmanager {2}must be beside the role prometheus/,
    ],
    ["SSH for nobody", { ssh: {} }, /roles\.ssh {2}must have a public key/],
  ];
  for (const [what, roles, message] of refused)
    it(`are refused with the path and the reason: ${what}`, () => assert.match(faultsWith(roles), message));

  it("have no Wi-Fi in the lab, and need no SSH key there", () => {
    const wifi = { ssid: "home", country: "DE", passphrase: "12345678" };
    assert.match(
      faultsWith({ wifi }, { board: "lab" }, { lab: {} }),
      /roles\.wifi {2}must be left out: virtual machines have no radio/,
    );
    assert.ok(settingsWith({ ssh: {} }, { board: "lab" }, { lab: {} }));
  });

  it("never show a passphrase that can't be", () => {
    const passphrase = "über-secret";
    for (const wifi of [{ ssid: "home", country: "DE", passphrase }, passphrase, { passphrase: 12345678 }])
      assert.doesNotMatch(faultsWith({ wifi }), /über-secret|12345678/);
  });
});

describe("packages and files of an image in the settings", () => {
  it("are none by default", () => {
    const { server } = settingsWith({}).images;
    assert.deepEqual([server?.packages, server?.files], [[], []]);
  });

  const refused: [string, object, RegExp][] = [
    [
      "an option in place of a package",
      { packages: ["--force-yes"] },
      /packages\[0\] {2}--force-yes must be the name of a Debian package/,
    ],
    [
      "a path that is not absolute",
      { files: [{ path: "motd", text: "" }] },
      /files\[0\]\.path {2}\S+ must be an absolute path/,
    ],
    [
      "a path that climbs",
      { files: [{ path: "/etc/../motd", text: "" }] },
      /files\[0\]\.path {2}\S+ must not have "\."/,
    ],
    ["a folder", { files: [{ path: "/etc/", text: "" }] }, /files\[0\]\.path {2}\S+ must be an absolute path/],
    [
      "neither text nor source",
      { files: [{ path: "/etc/motd" }] },
      /files\[0\] {2}this map must have either text or source/,
    ],
    [
      "text and source",
      { files: [{ path: "/a", text: "", source: "a" }] },
      /files\[0\] {2}this map must have either text or source/,
    ],
    ["a mode that is a number", { files: [{ path: "/a", text: "", mode: 644 }] }, /files\[0\]\.mode/],
    [
      "a mode in words",
      { files: [{ path: "/a", text: "", mode: "rw" }] },
      /files\[0\]\.mode {2}rw must be a mode in quotes/,
    ],
  ];
  for (const [what, image, message] of refused)
    it(`are refused with the path and the reason: ${what}`, () => assert.match(faultsWith({}, image), message));
});

describe("the extra files of an image", () => {
  const dir = path.join(projectDir, ".piinit");
  let folder: string;
  before(() => {
    mkdirSync(dir, { recursive: true });
    folder = mkdtempSync(path.join(dir, "test-"));
    writeFileSync(path.join(folder, "motd"), "Grüß Gott\n");
    writeFileSync(path.join(folder, "logo.png"), Buffer.from([0x89, 0x50, 0xff, 0xfe]));
  });
  after(() => rmSync(folder, { recursive: true }));

  const imagesWith = (...files: object[]): Settings["images"] => settingsWith({}, { files }).images;
  const source = (name: string) => path.relative(projectDir, path.join(folder, name));

  it("have their text from the settings, or from a file of the project", () => {
    const images = imagesWith(
      { path: "/etc/issue", text: "hello\n", mode: "0600", owner: "consul" },
      { path: "/etc/motd", source: source("motd") },
    );
    assert.deepEqual(readExtraFiles(images).server, [
      { path: "/etc/issue", mode: "0600", owner: "consul", text: "hello\n" },
      { path: "/etc/motd", mode: "0644", owner: "root", text: "Grüß Gott\n" },
    ]);
  });

  it("are all named when they can't be read", () => {
    const images = imagesWith(
      { path: "/a", source: source("missing") },
      { path: "/b", source: source("logo.png") },
      { path: "/c", source: source("") },
    );
    assert.throws(
      () => readExtraFiles(images),
      (error: unknown) =>
        error instanceof UserError &&
        /files\[0\]\.source {2}\S+missing must be a file: there is none/.test(error.message) &&
        /files\[1\]\.source {2}\S+logo\.png must be a UTF-8 text/.test(error.message) &&
        /files\[2\]\.source/.test(error.message),
    );
  });
});

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";
import { boardNames } from "../../../steps/image/boards/catalogue.ts";
import { initScript } from "../../../steps/image/boot/initrd.ts";
import { hook } from "../../../steps/image/bundle/hook.ts";
import { packagesArguments } from "../../../steps/image/debian/debian-arguments.ts";
import { baseImageArguments } from "../../../steps/image/existing/base-image-arguments.ts";
import { takeBootHook } from "../../../steps/image/existing/base-image-boot.ts";
import { nativeScripts } from "../../../steps/image/foreign/native.ts";
import { finishScript } from "../../../steps/image/install/root-file-system.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { type ImagePlan, planRouter } from "../../../steps/image/plan/plan.ts";
import { home, imageWith, updating } from "./roles/fixture.ts";

const sshKey = "ssh-ed25519 AAAA me";
const everyRole: ImagePlan["roles"] = {
  nomad: { role: "both", docker: true, dockerFolders: false, volumes: { media: { label: "usb", readOnly: false } } },
  dnsmasq: "lan",
  "node-exporter": true,
  prometheus: true,
  ssh: { keys: [sshKey] },
  terraform: true,
  wifi: { ssid: "home", country: "DE", passphrase: "12345678" },
};

/** Every board, and each way to use a card. */
function manifests(): Manifest[] {
  const boards = boardNames.flatMap((board) =>
    [false, true].flatMap((keepData) =>
      [false, true].map((readOnlyRoot) =>
        imageWith(everyRole, { board, keepData, readOnlyRoot, context: readOnlyRoot ? updating : home }),
      ),
    ),
  );
  const existing = { image: "/raspios.img", sha256: "0".repeat(64) };
  return [
    ...boards,
    imageWith(everyRole, { board: "pi4", base: existing }),
    planRouter({ cidr: "192.168.2.0/24", domain: "home.arpa" }, [sshKey], "amd64"),
  ];
}

const shebang = "#!/bin/sh\n";

/** Scripts, and what units hand to a shell, by the paths that they have on a machine; equal ones once. */
function scriptsOf(all: readonly Manifest[]): Map<string, string> {
  const scripts = new Map<string, string>();
  for (const { path: file, text } of all.flatMap(({ files }) => files)) {
    const inUnit = [...text.matchAll(/^Exec\w+=\S*sh -c '(.*)'$/gm)].map(([, line]) => `${shebang}${line}\n`);
    for (const script of text.startsWith("#!") ? [text] : inUnit)
      if (![...scripts.values()].includes(script)) scripts.set(`${file} ${scripts.size}`, script);
  }
  return scripts;
}

const debian = { suite: "trixie", components: [], backports: ["linux-image-arm64"] };
const hooks = [
  ...packagesArguments({
    architecture: "arm64",
    base: { distribution: "debian", ...debian },
    packages: ["linux-image-arm64"],
  }),
  ...baseImageArguments(["dnsmasq"]),
  takeBootHook("/boot/firmware"),
].flatMap((argument) => /^--\w+-hook=(.*)$/s.exec(argument)?.[1] ?? []);

/** Texts for a shell that the builder runs, or lays into what it makes. */
const builderScripts = new Map([
  ...hooks.map((text, index): [string, string] => [`hook ${index}`, `${shebang}${text}\n`]),
  ["init", initScript],
  ["update hook", hook],
  ["finish", shebang + finishScript],
  ...Object.entries(nativeScripts("amd64", "arm64")).map(([name, text]): [string, string] => [name, shebang + text]),
]);

/**
 * What ShellCheck finds in scripts for Debian's /bin/sh. "a && b || continue" stands for "unless both", and is no attempt
 * at if-then-else, which SC2015 takes it for.
 */
async function faultsIn(scripts: ReadonlyMap<string, string>): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-scripts-"));
  try {
    const names = await Promise.all(
      [...scripts].map(async ([name, text]) => {
        const file = name.replaceAll("/", "_");
        await writeFile(path.join(dir, file), text);
        return file;
      }),
    );
    const options = ["--norc", "--shell=dash", "--exclude=SC2015", "--format=gcc"];
    const { stdout, stderr } = await execa("shellcheck", [...options, ...names], { cwd: dir, reject: false });
    return stdout + stderr;
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe("shell scripts", function () {
  this.timeout(60_000);

  it("of every kind of image have no fault", async () => {
    const scripts = scriptsOf(manifests());
    assert.ok(scripts.size > 15, [...scripts.keys()].join(", "));
    assert.equal(await faultsIn(scripts), "");
  });

  it("of the builder and of the initial RAM disk have no fault", async () => {
    assert.equal(await faultsIn(builderScripts), "");
  });

  it("of the project itself have no fault", async () => {
    const { stdout, stderr } = await execa("shellcheck", ["--norc", "piinit", ".ci/run"], {
      cwd: projectDir,
      reject: false,
    });
    assert.equal(stdout + stderr, "");
    assert.match(await readFile(path.join(projectDir, "piinit"), "utf8"), /^#!/);
  });

  it("are refused when something is wrong with them", async () => {
    assert.match(await faultsIn(new Map([["bad", `${shebang}rm -r $1\n`]])), /Double quote/);
  });
});

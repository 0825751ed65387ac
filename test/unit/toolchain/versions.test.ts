import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { readKey } from "openpgp";
import { projectDir } from "../../../lib/paths.ts";
import { listedSum } from "../../../toolchain/release.ts";
import { type Platform, pluginVersions, type ToolName, tools, versions } from "../../../toolchain/versions.ts";

const read = (...parts: string[]) => readFile(path.join(projectDir, ...parts), "utf8");

describe("pinned versions", () => {
  const modules: Record<ToolName, string> = {
    pulumi: "github.com/pulumi/pulumi/pkg/v3",
    consul: "github.com/hashicorp/consul",
    nomad: "github.com/hashicorp/nomad",
    terraform: "github.com/hashicorp/terraform",
  };

  for (const name of Object.keys(modules) as ToolName[]) {
    it(`are those of ${name}'s Go module, whose sums are checked in`, async () => {
      const line = `${modules[name]} v${versions[name]}`;
      assert.ok((await read("toolchain", "go", name, "go.mod")).includes(`require ${line}\n`));
      assert.match(
        await read("toolchain", "go", name, "go.sum"),
        new RegExp(`^${line.replaceAll(".", "\\.")} h1:`, "m"),
      );
    });
  }

  it("are those of the npm packages that belong to them", async () => {
    const { dependencies } = JSON.parse(await read("package.json"));
    assert.equal(dependencies["@pulumi/pulumi"], versions.pulumi);
    assert.equal(dependencies["@pulumi/command"], pluginVersions.command);
    assert.equal(dependencies["@pulumi/consul"], pluginVersions.consul);
    const { version, pulumi } = JSON.parse(await read("sdks", "nomad", "package.json"));
    assert.deepEqual([version, pulumi.version], [pluginVersions.nomad, pluginVersions.nomad]);
  });

  it("lead to the addresses that the publishers use", () => {
    const archives = (platform: Platform) =>
      Object.values(tools).map(
        ({ release, version }) => `${release.publisher.baseUrl}/${release.archive(version, platform)}`,
      );
    assert.deepEqual(archives({ os: "linux", architecture: "amd64" }), [
      "https://github.com/pulumi/pulumi/releases/download/v3.220.0/pulumi-v3.220.0-linux-x64.tar.gz",
      "https://releases.hashicorp.com/consul/1.22.2/consul_1.22.2_linux_amd64.zip",
      "https://releases.hashicorp.com/nomad/1.11.2/nomad_1.11.2_linux_amd64.zip",
      "https://releases.hashicorp.com/terraform/1.14.3/terraform_1.14.3_linux_amd64.zip",
    ]);
    assert.match(archives({ os: "darwin", architecture: "arm64" })[0] ?? "", /-darwin-arm64\.tar\.gz$/);
    for (const architecture of ["armhf", "armel"] as const) {
      assert.match(archives({ os: "linux", architecture })[1] ?? "", /\/consul_1\.22\.2_linux_arm\.zip$/);
    }
    assert.equal(tools.nomad.release.sums("1.11.2"), "nomad/1.11.2/nomad_1.11.2_SHA256SUMS");
    assert.equal(tools.pulumi.release.sums("3.220.0"), "v3.220.0/pulumi-3.220.0-checksums.txt");
  });
});

describe("what is known of HashiCorp", () => {
  const { key, sums } = tools.consul.release.publisher;

  it("has the sum of every archive of the pinned versions", () => {
    const platforms: Platform[] = [
      ...(["amd64", "arm64", "armhf"] as const).map((architecture) => ({ os: "linux", architecture }) as const),
      ...(["amd64", "arm64"] as const).map((architecture) => ({ os: "darwin", architecture }) as const),
    ];
    const { pulumi: _, ...programs } = tools;
    const archives = Object.values(programs).flatMap(({ release, version, only64Bit }) =>
      platforms
        .filter(({ architecture }) => !only64Bit || architecture !== "armhf")
        .map((platform) => path.basename(release.archive(version, platform))),
    );
    assert.deepEqual(Object.keys(sums).sort(), archives.sort());
    for (const sum of Object.values(sums)) assert.match(sum, /^[0-9a-f]{64}$/);
  });

  it("has the key of the fingerprint, which is good for at least half a year more", async () => {
    const publicKey = await readKey({ armoredKey: key?.armored ?? "" });
    assert.equal(publicKey.getFingerprint().toUpperCase(), key?.fingerprint);
    const end = await publicKey.getExpirationTime();
    assert.ok(end instanceof Date && end.getTime() > Date.now() + 180 * 24 * 60 * 60 * 1000, String(end));
  });

  it("has the key that may sign: the one that HashiCorp's releases are signed with", async () => {
    const publicKey = await readKey({ armoredKey: key?.armored ?? "" });
    const { keyPacket } = await publicKey.getSigningKey();
    assert.equal(keyPacket.getFingerprint().toUpperCase(), "374EC75B485913604A831CC7C820C6D5CD27AB87");
  });
});

describe("a publisher's list of sums", () => {
  const sum = "a1".repeat(32);

  it("is read as sha256sum writes it", () => {
    for (const line of [`${sum}  a.zip`, `${sum} *a.zip`, `${sum}  ./a.zip`, `${sum.toUpperCase()}  a.zip\r`]) {
      assert.equal(listedSum(`${"0".repeat(64)}  b.zip\n${line}\n`, "a.zip"), sum);
    }
  });

  it("names a file by its whole name, and has no sum of another kind", () => {
    assert.equal(listedSum(`${sum}  aa.zip\n${sum}  a.zip.sig\n`, "a.zip"), undefined);
    assert.equal(listedSum(`${"a1".repeat(20)}  a.zip\n`, "a.zip"), undefined);
  });
});

import type { Architecture } from "../lib/architecture.ts";
import { hashicorp } from "./publishers/hashicorp.ts";
import type { Publisher } from "./publishers/publisher.ts";
import { pulumi as pulumiPublisher } from "./publishers/pulumi.ts";

/** Every pinned version of a program that isn't an npm package; below, where each comes from. */
export const versions = { pulumi: "3.220.0", consul: "1.22.2", nomad: "1.11.2", terraform: "1.14.3" } as const;
export type ToolName = keyof typeof versions;

/** Pulumi's resource plugins; the npm packages of the same name have the same versions. */
export const pluginVersions = { command: "1.2.1", consul: "3.15.1", nomad: "2.6.1" } as const;
export type PluginName = keyof typeof pluginVersions;

export interface Platform {
  os: "linux" | "darwin";
  architecture: Architecture;
}

export const is32Bit = (architecture: Architecture): boolean => architecture === "armhf" || architecture === "armel";

export interface Tool {
  name: ToolName;
  version: string;
  /** Programs that must be beside it, or it is useless. */
  companions: readonly string[];
  /** Why there is none for 32-bit boards, as a whole sentence; undefined where there is one. */
  only64Bit?: string;
  release: Release;
  module: GoModule;
}

/** The publisher's own archive, and the file that lists the SHA-256 sums of all archives of a version. */
export interface Release {
  publisher: Publisher;
  /** Paths below the publisher's base. */
  archive(version: string, platform: Platform): string;
  sums(version: string): string;
}

/** How to build the program if no release can be downloaded; the wrapper module is `go/NAME`. */
export interface GoModule {
  package: string;
  /** Go variables set by the linker, as the publisher's own build sets them. */
  variables: Readonly<Record<string, string>>;
  /** Whether it needs a C compiler; without one the program is static. */
  cgo: boolean;
}

/** Go has one name for both of Debian's 32-bit ARM architectures. */
const goNames = { amd64: "amd64", arm64: "arm64", armhf: "arm", armel: "arm" } as const;

/** What tells Go to build for an architecture. ARMv6 with its floating-point unit runs on every board that we know. */
export function goTarget(architecture: Architecture): { GOARCH: string; GOARM?: string } {
  const GOARCH = goNames[architecture];
  return GOARCH === "arm" ? { GOARCH, GOARM: "6" } : { GOARCH };
}

/** HashiCorp's layout is the same for all its programs. */
const ofHashicorp = (name: string): Release => ({
  publisher: hashicorp,
  archive: (version, { os, architecture }) =>
    `${name}/${version}/${name}_${version}_${os}_${goNames[architecture]}.zip`,
  sums: (version) => `${name}/${version}/${name}_${version}_SHA256SUMS`,
});

const pulumi: Tool = {
  name: "pulumi",
  version: versions.pulumi,
  companions: ["pulumi-language-nodejs"],
  only64Bit: "Pulumi runs on the machine that builds and deploys, not on boards.",
  release: {
    publisher: pulumiPublisher,
    archive: (version, { os, architecture }) =>
      `v${version}/pulumi-v${version}-${os}-${architecture === "amd64" ? "x64" : "arm64"}.tar.gz`,
    sums: (version) => `v${version}/pulumi-${version}-checksums.txt`,
  },
  module: {
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    variables: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${versions.pulumi}` },
    cgo: false,
  },
};

const consul: Tool = {
  name: "consul",
  version: versions.consul,
  companions: [],
  release: ofHashicorp("consul"),
  module: { package: "github.com/hashicorp/consul", variables: {}, cgo: false },
};

const nomad: Tool = {
  name: "nomad",
  version: versions.nomad,
  companions: [],
  only64Bit: "Nomad ended its 32-bit ARM releases with 1.8.3: use a 64-bit board, or an image without the role nomad.",
  release: ofHashicorp("nomad"),
  // Its exec driver is C.
  module: { package: "github.com/hashicorp/nomad", variables: {}, cgo: true },
};

const terraform: Tool = {
  name: "terraform",
  version: versions.terraform,
  companions: [],
  release: ofHashicorp("terraform"),
  module: {
    package: "github.com/hashicorp/terraform",
    variables: { "github.com/hashicorp/terraform/version.dev": "no" },
    cgo: false,
  },
};

export const tools: Readonly<Record<ToolName, Tool>> = { pulumi, consul, nomad, terraform };

/** Where Pulumi's CLI gets its plugins. */
export const pluginDownloads = "https://get.pulumi.com/releases/plugins";

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { projectDir } from "../lib/paths.ts";
import type { ImageContext } from "../steps/image/manifest/contribution.ts";
import type { Manifest, TextFile } from "../steps/image/manifest/manifest.ts";
import { plan } from "../steps/image/plan/plan.ts";
import { serversOf } from "../steps/image/roles/servers.ts";
import { reportingFaults, secretSettings } from "./config.ts";
import { type Fault, faultsError } from "./faults.ts";
import { labArchitecture } from "./host.ts";
import { Image } from "./image.ts";
import type { Settings } from "./schema/stack.ts";
import type { ClusterSecrets } from "./secrets.ts";

/** The images that the settings define, by name; a lab's images accept the lab's SSH key. */
export function buildImages(
  settings: Settings,
  secrets: ClusterSecrets,
  outputDir: string,
  labKey?: pulumi.Output<string>,
): Record<string, Image> {
  const keys: pulumi.Output<string[]> = labKey ? labKey.apply((key) => [key]) : pulumi.output([]);
  const files = reportingFaults(() => readExtraFiles(settings.images));
  const manifestOf = (name: string, image: Settings["images"][string]): pulumi.Output<Manifest> =>
    pulumi
      .all([secrets.gossipKeys, keys, secrets.images[name], secrets.updates?.signer])
      .apply(([gossipKeys, extraKeys, security, signer]) =>
        reportingFaults(() =>
          plan(
            {
              ...withKeys({ name, ...image }, extraKeys),
              base: locate(image.base),
              refreshed: settings.refreshed,
              files: files[name] ?? [],
            },
            { ...contextOf(settings, gossipKeys, security), signer },
            labArchitecture,
          ),
        ),
      );
  return Object.fromEntries(
    Object.entries(settings.images).map(([name, image]) => [
      name,
      new Image(name, { manifest: manifestOf(name, image), outputDir, builder: settings.builder }),
    ]),
  );
}

/**
 * The extra files of each image with their texts; a `source` is a UTF-8 text relative to the project.
 * Throws a UserError that names each one that can't be read.
 */
export function readExtraFiles(images: Settings["images"]): Record<string, TextFile[]> {
  const faults: Fault[] = [];
  const read = (image: string, index: number, { source, text = "", ...file }: ExtraFile): TextFile => {
    if (source === undefined) return { ...file, text };
    try {
      const bytes = readFileSync(path.resolve(projectDir, source));
      return { ...file, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
    } catch {
      const reason = existsSync(path.resolve(projectDir, source))
        ? "must be a UTF-8 text that can be read"
        : "must be a file: there is none of this name";
      faults.push({ path: ["images", image, "files", index, "source"], value: source, reason });
      return { ...file, text };
    }
  };
  const files = Object.entries(images).map(
    ([image, { files }]) => [image, files.map((file, index) => read(image, index, file))] as const,
  );
  if (faults.length > 0) throw faultsError("The images' files can't be used:", faults, secretSettings());
  return Object.fromEntries(files);
}

/** A base given as a file is relative to the project; the builder needs its absolute path. */
function locate(base: Settings["images"][string]["base"]): Settings["images"][string]["base"] {
  if (!("image" in base) || /^https?:/.test(base.image)) return base;
  return { ...base, image: path.resolve(projectDir, base.image) };
}

type ExtraFile = Settings["images"][string]["files"][number];
type NamedImage = Settings["images"][string] & { name: string };

function withKeys(image: NamedImage, extraKeys: string[]): NamedImage {
  const { ssh } = image.roles;
  return ssh ? { ...image, roles: { ...image.roles, ssh: { keys: [...ssh.keys, ...extraKeys] } } } : image;
}

function contextOf(
  settings: Settings,
  gossipKeys: ImageContext["gossipKeys"],
  security: ImageContext["security"],
): ImageContext {
  const addresses = (agent: "consul" | "nomad") => serversOf(settings, agent).map(({ ip }) => ip);
  return {
    datacenter: settings.datacenter,
    consulServers: addresses("consul"),
    nomadServers: addresses("nomad"),
    machines: settings.machines.map(({ name, mac, ip, image }) => ({ name, mac, ip, roles: rolesOf(settings, image) })),
    gossipKeys,
    security,
  };
}

function rolesOf(settings: Settings, image: string): string[] {
  const roles = Object.entries(settings.images[image]?.roles ?? {});
  return roles.filter(([, options]) => options !== undefined).map(([name]) => name);
}

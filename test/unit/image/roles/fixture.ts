import assert from "node:assert/strict";
import type { ImageContext } from "../../../../steps/image/manifest/contribution.ts";
import type { Manifest } from "../../../../steps/image/manifest/manifest.ts";
import { type ImagePlan, plan } from "../../../../steps/image/plan/plan.ts";
import type { RoleOptions } from "../../../../steps/image/roles/catalogue.ts";

const server = ["consul", "nomad", "node-exporter"];

/** A home of three servers, a client and a monitor. */
export const home: ImageContext = {
  datacenter: "home",
  consulServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
  nomadServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
  machines: [
    { name: "pi1", mac: "b8:27:eb:00:00:51", ip: "192.168.2.51", roles: server },
    { name: "pi2", mac: "b8:27:eb:00:00:52", ip: "192.168.2.52", roles: server },
    { name: "pi3", mac: "b8:27:eb:00:00:53", ip: "192.168.2.53", roles: server },
    { name: "nuc", mac: "b8:27:eb:00:00:60", ip: "192.168.2.60", roles: ["consul", "nomad"] },
    { name: "zero", mac: "b8:27:eb:00:00:54", ip: "192.168.2.54", roles: ["consul", "node-exporter", "prometheus"] },
  ],
  gossipKeys: {
    consul: "Y29uc3VsLWdvc3NpcC1rZXktMzItYnl0ZXMtbG9uZyE=",
    nomad: "bm9tYWQtZ29zc2lwLWtleS0tMzItYnl0ZXMtbG9uZyE=",
  },
};

/** Good until 2040. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBMjCB5aADAgECAhQP36WEFDZREIglmERLnLnbY7TbmzAFBgMrZXAwDzENMAsG
A1UEAwwEdGVzdDAeFw0yNjExMjgwOTM0MjRaFw00MDA4MDYwOTM0MjRaMA8xDTAL
BgNVBAMMBHRlc3QwKjAFBgMrZXADIQCyUe/O8Zo3Kx7kePkQLK98DkLhdv2L9Pts
b3lMwB3pg6NTMFEwHQYDVR0OBBYEFFr4vn+D5ZTuM8wr25KnHKagEh9kMB8GA1Ud
IwQYMBaAFFr4vn+D5ZTuM8wr25KnHKagEh9kMA8GA1UdEwEB/wQFMAMBAf8wBQYD
K2VwA0EAQnzV3a8rLWDFUbf+9zBfL3ZyTot5HuZ7o6PeK/a11RqdxpkGVTX/OJvJ
w+Bzc1O3udt0XoIBwFKCdH0rytFhAA==
-----END CERTIFICATE-----
`;

/** The same, whose machines take updates over the network. */
export const updating: ImageContext = {
  ...home,
  security: {
    ca: certificate,
    certificate,
    key: "KEY\n",
    tokens: {
      consulManagement: "11111111-1111-8111-8111-111111111111",
      recovery: "22222222-2222-8222-8222-222222222222",
      machine: "33333333-3333-8333-8333-333333333333",
      dns: "44444444-4444-8444-8444-444444444444",
      nomadServer: "55555555-5555-8555-8555-555555555555",
      nomadClient: "66666666-6666-8666-8666-666666666666",
      nomadManagement: "77777777-7777-8777-8777-777777777777",
      prometheus: "88888888-8888-8888-8888-888888888888",
      prometheusPage: "password",
    },
  },
  signer: { certificate: "SIGNER\n", key: "SIGNER'S KEY\n" },
};

/** The image of a machine of that home with these roles; a Consul client unless they say otherwise. */
export function imageWith(roles: RoleOptions, { context = home, ...more }: Partial<ImagePlan & Home> = {}): Manifest {
  return plan({ name: "test", board: "lab", roles: { consul: "client", ...roles }, ...more }, context, "amd64");
}

interface Home {
  context: ImageContext;
}

export function fileOf({ files }: Manifest, path: string): Manifest["files"][number] {
  return files.find((file) => file.path === path) ?? assert.fail(`no ${path}`);
}

export const textOf = (manifest: Manifest, path: string): string => fileOf(manifest, path).text;
export const jsonOf = (manifest: Manifest, path: string) => JSON.parse(textOf(manifest, path));
export const linkOf = ({ links }: Manifest, path: string): string | undefined =>
  links.find((link) => link.path === path)?.target;

/** The values of a setting in a unit or another file of `Name=value` lines. */
export function settingsOf(text: string, name: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { heldBy } from "../../components/secrets.ts";
import { runOnHost } from "../../lib/host.ts";
import { silent } from "../../lib/progress.ts";
import { grantAccess } from "../../steps/access/grant.ts";
import type { Access } from "../../steps/agents.ts";
import { buildImage } from "../../steps/image/layers/build-image.ts";
import type { ImageContext } from "../../steps/image/manifest/contribution.ts";
import type { Manifest } from "../../steps/image/manifest/manifest.ts";
import { plan } from "../../steps/image/plan/plan.ts";
import { accessOf } from "../../steps/security/access.ts";
import { subjectOf } from "../../steps/security/agent-names.ts";
import { authorityFor } from "../../steps/security/authority.ts";
import { certify } from "../../steps/security/certificate.ts";
import type { Certified } from "../../steps/security/contract.ts";
import { makeSigner } from "../../steps/security/signer.ts";
import { tokensOf } from "../../steps/security/tokens.ts";
import type { WantedUpdate } from "../../steps/update/contract.ts";
import { updateServerName } from "../../steps/update-messages.ts";
import { getTool } from "../../toolchain/tools.ts";

/** What QEMU's own DHCP server gives to the first who asks, and where a machine reaches this computer. */
const [ip, host] = ["10.0.2.15", "10.0.2.2"];
const name = "pc1";

export const never = { signal: new AbortController().signal };

/** A home of one PC, which is a cluster of its own, and its images. */
export interface Home {
  name: string;
  /** Of its SSH. */
  keyFile: string;
  access: Access;
  /** Builds an image; `change` alters what would be in it. */
  build(change?: (manifest: Manifest) => Manifest): Promise<string>;
  /** Lets the machine's agents do what its image relies on. */
  grant(ports: Record<number, number>): Promise<void>;
  /** The step's input. */
  wanted(image: string, ports: Record<number, number>): WantedUpdate;
}

export async function makeHome(folder: string): Promise<Home> {
  const keyFile = path.join(folder, "key");
  await runOnHost("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keyFile]);
  const authority = await authorityFor({ domain: "home.arpa", cidr: "10.0.2.0/24", generation: 1 });
  const tokens = tokensOf(authority.secret, ["server"]);
  const access = accessOf(authority);
  const subject = subjectOf({ name: "server", consul: "server", nomad: "both", addresses: [ip] }, "home");
  const security = {
    ca: authority.certificate,
    ...(await certify({ authority, ...subject })),
    tokens: heldBy("server", tokens),
  };
  const server = await certify({ authority, commonName: "updates", names: [updateServerName], addresses: [] });
  const context: ImageContext = {
    datacenter: "home",
    consulServers: [ip],
    nomadServers: [ip],
    machines: [],
    gossipKeys: { consul: randomBytes(32).toString("base64"), nomad: randomBytes(32).toString("base64") },
    security,
    signer: await makeSigner(),
  };
  const manifest = plan(
    {
      name: "server",
      board: "amd64",
      roles: {
        consul: "server",
        nomad: { role: "both", docker: false, dockerFolders: false, volumes: {} },
        ssh: { keys: [readFileSync(`${keyFile}.pub`, "utf8").trim()] },
      },
    },
    context,
    "amd64",
  );
  const urls = (ports: Record<number, number>) => ({
    consul: [`https://127.0.0.1:${ports[8501]}`],
    nomad: [`https://127.0.0.1:${ports[4646]}`],
  });
  return {
    name,
    keyFile,
    access,
    async build(change = (same) => same) {
      const built = await buildImage({ manifest: change(manifest), outputDir: path.join(folder, "images") }, getTool, {
        progress: silent,
        ...never,
      });
      return built.path;
    },
    async grant(ports) {
      const token = tokens.consul.machine.server ?? { accessor: "", secret: "" };
      const wanted = {
        ...urls(ports),
        access,
        images: [{ name: "server", machines: [name], token }],
        tokens: tokens.consul,
        jwksUrl: "https://127.0.0.1:4646/.well-known/jwks.json",
        deadlineSeconds: 900,
      };
      await grantAccess(wanted, silent, never.signal);
    },
    wanted: (image, ports) => ({ ...urls(ports), name, ip, image, access, server, address: host }),
  };
}

/** With another text in the file. */
export const withText =
  (file: string, change: (text: string) => string) =>
  (manifest: Manifest): Manifest => ({
    ...manifest,
    files: manifest.files.map((one) => (one.path === file ? { ...one, text: change(one.text) } : one)),
  });

/** With one more file, so that it is another image. */
export const saying =
  (text: string) =>
  (manifest: Manifest): Manifest => ({
    ...manifest,
    files: [...manifest.files, { path: "/etc/motd.d/version", mode: "0644", owner: "root", text: `${text}\n` }],
  });

export const signedBy =
  (signer: Certified) =>
  (manifest: Manifest): Manifest => ({ ...manifest, signer });

import { randomBytes, randomUUID } from "node:crypto";
import { heldBy } from "../../../components/secrets.ts";
import type { WantedAccess } from "../../../steps/access/contract.ts";
import type { Access } from "../../../steps/agents.ts";
import type { ImageContext, ImageSecurity } from "../../../steps/image/manifest/contribution.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { plan } from "../../../steps/image/plan/plan.ts";
import { accessOf } from "../../../steps/security/access.ts";
import { subjectOf } from "../../../steps/security/agent-names.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";
import { tokensOf } from "../../../steps/security/tokens.ts";
import { home } from "../../unit/security/stack.ts";

export const machines = [
  { name: "pi1", ip: "192.168.2.51", image: "server" },
  { name: "pi2", ip: "192.168.2.52", image: "server" },
  { name: "pi3", ip: "192.168.2.53", image: "server" },
  { name: "nuc", ip: "192.168.2.60", image: "worker" },
] as const;

const roles = {
  server: { consul: "server", nomad: "both" },
  worker: { consul: "client", nomad: "client" },
} as const;
export type ImageName = keyof typeof roles;
const images = Object.keys(roles) as ImageName[];
const isOf = (image: ImageName) => (machine: (typeof machines)[number]) => machine.image === image;

/** What a stack's secrets come to. */
export interface TestStack {
  access: Access;
  manifests: Record<ImageName, Manifest>;
  /** What somebody makes of a stolen worker's card who would like to be a server. */
  thief: Manifest;
  /** What the access step gets. */
  wanted: WantedAccess;
  gossipKeys: ImageContext["gossipKeys"];
  /** What the images' machines hold. */
  held: Record<ImageName, ImageSecurity>;
}

/** A stack of that home with secrets of its own. */
export async function makeStack(): Promise<TestStack> {
  const authority = await authorityFor(home);
  const tokens = tokensOf(authority.secret, images);
  const access = accessOf(authority);
  const hold = async (image: ImageName): Promise<ImageSecurity> => {
    const addresses = machines.filter(isOf(image)).map(({ ip }) => ip);
    const { nomad: role } = roles[image];
    const subject = subjectOf({ name: image, consul: roles[image].consul, nomad: role, addresses }, "home");
    return {
      ca: authority.certificate,
      ...(await certify({ authority, ...subject })),
      tokens: heldBy(image, tokens),
    };
  };
  const held = { server: await hold("server"), worker: await hold("worker") };
  const gossipKeys = { consul: randomBytes(32).toString("base64"), nomad: randomBytes(32).toString("base64") };
  const servers = machines.filter(isOf("server")).map(({ ip }) => ip);
  const manifest = (image: ImageName, secrets = held[image]) =>
    plan(
      {
        name: image,
        board: "lab",
        roles: {
          ...roles[image],
          nomad: { role: roles[image].nomad, docker: false, dockerFolders: false, volumes: {} },
        },
      },
      contextFor(secrets, gossipKeys),
      "amd64",
    );
  return {
    access,
    gossipKeys,
    held,
    manifests: { server: manifest("server"), worker: manifest("worker") },
    thief: manifest("server", { ...held.worker, tokens: { ...held.worker.tokens, ...notOnWorkers } }),
    wanted: {
      consul: servers.map((ip) => `https://${ip}:8501`),
      nomad: servers.map((ip) => `https://${ip}:4646`),
      access,
      images: images.map((name) => ({
        name,
        machines: machines.filter(isOf(name)).map((machine) => machine.name),
        token: tokens.consul.machine[name] ?? { accessor: "", secret: "" },
      })),
      tokens: tokens.consul,
      jwksUrl: "https://127.0.0.1:4646/.well-known/jwks.json",
      deadlineSeconds: 120,
    },
  };
}

/** The thief has to make them up. */
const notOnWorkers = {
  consulManagement: randomUUID(),
  nomadManagement: randomUUID(),
  nomadServer: randomUUID(),
};

/** What an image of that home knows. */
export function contextFor(security: ImageSecurity, gossipKeys: ImageContext["gossipKeys"]): ImageContext {
  const servers = machines.filter(isOf("server")).map(({ ip }) => ip);
  return {
    datacenter: "home",
    consulServers: servers,
    nomadServers: servers,
    machines: machines.map(({ name, ip, image }) => ({
      name,
      mac: "b8:27:eb:00:00:01",
      ip,
      roles: Object.keys(roles[image]),
    })),
    gossipKeys,
    security,
  };
}

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { plainValue } from "../../../cli/stack/steps.ts";
import { projectDir } from "../../../lib/paths.ts";
import { type Checkout, makeCheckout, succeeded } from "../../e2e/checkout.ts";
import { type Agents, startAgents } from "../agents.ts";
import { service } from "../offline/service.ts";
import { openAccess } from "../open-access.ts";
import { stackSettings } from "./held.ts";

/** What made the stored state, with the components of that time, which had the steps' programs elsewhere. */
const program = `
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { Image } from "./components/image.ts";
import { NomadJobs } from "./components/jobs.ts";
import { ConsulKeys } from "./components/kv.ts";
import { ClusterReady } from "./components/ready.ts";
import { DhcpReservations } from "./components/reservations.ts";
import { ClusterSecrets } from "./components/secrets.ts";

const { consulUrl, nomadUrl, manifest, job } = JSON.parse(readFileSync("wanted.json", "utf8"));
new ClusterSecrets("cluster", { datacenter: "dc1", network: { domain: "home.arpa", cidr: "192.168.2.0/24" }, images: {}, machines: [], generation: 1 });
const access = ${openAccess};
new Image("server", { manifest, outputDir: "/tmp/piinit-earlier-images" });
const machine = { name: "test", mac: "b8:27:eb:00:00:01", ip: "127.0.0.1" };
const reservations = new DhcpReservations("reservations", { router: { kind: "manual" }, machines: [machine] });
const expected = { ...machine, image: "server", consulUrl, nomadUrl, consulServer: true, nomad: "both" as const };
const guards = { kv: { greeting: "hello" }, jobs: {} };
const ready = new ClusterReady(
  "ready",
  { datacenter: "dc1", machines: [expected], access, deadlineSeconds: 60, remedy: "look at NAME", guards },
  { dependsOn: [reservations] },
);
export const consul = ready.cluster.consulUrl;
const keys = new ConsulKeys("keys", { consulUrl: consul, access, datacenter: "dc1", values: { greeting: "hello" } });
const jobs = { page: { key: "page", jobspec: job, vars: { word: "hello" } } };
new NomadJobs("jobs", { nomadUrl: ready.cluster.nomadUrl, access, servers: [nomadUrl], jobs, isDisposable: false }, { dependsOn: [keys] });
`;

/** Of the image in the stored state. */
const manifest = {
  format: 1,
  name: "server",
  board: "lab",
  architecture: "amd64",
  base: { distribution: "debian", suite: "trixie", components: [], backports: [] },
  packages: ["busybox-static", "linux-image-cloud-amd64"],
  programs: [],
  users: [],
  directories: [],
  files: [],
  links: [],
  boot: {
    modules: ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng", "ext4"],
    commandLine: "console=ttyS0 fsck.repair=yes net.ifnames=0 panic=10 quiet",
    files: [],
  },
  disk: { firmware: "none", bootMiB: 32, rootMiB: 640, grows: false },
};

/** The path of the image that a state has. */
function imageIn({
  deployment,
}: {
  deployment: { resources: { urn: string; outputs?: { stdout?: unknown } }[] };
}): string {
  const { outputs } = deployment.resources.find(({ urn }) => urn.endsWith("::image-server")) ?? assert.fail();
  return (JSON.parse(String(plainValue(outputs?.stdout))) as { path: string }).path;
}

describe("a stack that an earlier version made", function () {
  this.timeout(600_000);
  let agents: Agents;
  let checkout: Checkout;
  let image: string;

  before(async () => {
    agents = await startAgents();
  });
  after(() => agents?.stop());

  beforeEach(async () => {
    checkout = await makeCheckout();
    const { consul, nomad } = agents;
    const wanted = { consulUrl: consul.url, nomadUrl: nomad.url, manifest, job: service("page") };
    writeFileSync(path.join(checkout.dir, "index.ts"), program);
    writeFileSync(path.join(checkout.dir, "wanted.json"), JSON.stringify(wanted));
    writeFileSync(path.join(checkout.dir, "stacks/Pulumi.earlier.yaml"), stackSettings);
    // It has the state's secrets in clear, as "pulumi stack export --show-secrets" gives them.
    const stored = readFileSync(path.join(projectDir, "test/engine/cli/earlier/state.json"), "utf8")
      .replaceAll("CONSUL_URL", consul.url)
      .replaceAll("CONSUL_HOST", new URL(consul.url).host)
      .replaceAll("NOMAD_URL", nomad.url);
    // Makes the stack, without anything in it, and so what encrypts its secrets.
    succeeded(await checkout.piinit("destroy", "earlier", "--yes"));
    const empty = JSON.parse(succeeded(await checkout.pulumi("pulumi stack export --stack earlier")).output);
    const { secrets_providers } = empty.deployment;
    const state = JSON.parse(stored);
    image = imageIn(state);
    mkdirSync(path.dirname(image), { recursive: true });
    writeFileSync(image, "");
    writeFileSync(
      path.join(checkout.dir, "state.json"),
      JSON.stringify({ ...state, deployment: { ...state.deployment, secrets_providers } }),
    );
    succeeded(await checkout.pulumi("pulumi stack import --stack earlier --file state.json"));
  });
  afterEach(() => {
    checkout?.remove();
    rmSync(path.dirname(image), { recursive: true, force: true });
  });

  it("is taken over by up: nothing is made again or replaced", async () => {
    const { output } = succeeded(await checkout.piinit("up", "earlier", "--yes"));
    // These agents are others than those of the stored state.
    assert.match(output, /the key greeting is gone: up writes it again/);
    assert.match(output, /the job page is gone from Nomad: up registers it again/);
    // Earlier versions had no step that waits for a job, and no certificates.
    for (const count of ["2 created", "5 updated", "11 unchanged"]) assert.ok(output.includes(count), output);
    for (const name of ["job-page", "cluster-authority"]) assert.match(output, new RegExp(`${name} created`));
    assert.doesNotMatch(output, /replaced|deleted/);
    assert.match(succeeded(await checkout.piinit("up", "earlier", "--yes")).output, /^ +18 unchanged$/m);
    succeeded(await checkout.piinit("destroy", "earlier", "--yes"));
  });

  it("has its image built again when that is gone, as after a destroy that was ended before it could note it", async () => {
    rmSync(image);
    assert.match(succeeded(await checkout.piinit("preview", "earlier")).output, /is gone: up builds it again/);
    succeeded(await checkout.piinit("up", "earlier", "--yes"));
    const built = readdirSync(path.dirname(image)).filter((name) => name.endsWith(".img"));
    assert.equal(built.length, 1, built.join());
    assert.doesNotMatch(succeeded(await checkout.piinit("up", "earlier", "--yes")).output, /is gone/);
  });

  it("can be taken down at once, by the programs where they are now", async () => {
    assert.match(succeeded(await checkout.piinit("destroy", "earlier", "--yes")).output, /- 1[678] deleted/);
  });

  it("is previewed as up will take it over", async () => {
    const { output } = succeeded(await checkout.piinit("preview", "earlier"));
    assert.match(output, /2 to create\n +~ \d to update\n +\d changes\. 11 unchanged/);
    assert.doesNotMatch(output, /to (replace|delete)/);
  });
});

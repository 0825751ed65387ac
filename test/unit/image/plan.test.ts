import assert from "node:assert/strict";
import type { ImageContext } from "../../../steps/image/manifest/contribution.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { plan, planRouter } from "../../../steps/image/plan/plan.ts";

const context: ImageContext = {
  datacenter: "home",
  consulServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
  nomadServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
  machines: [],
  gossipKeys: {
    consul: "Y29uc3VsLWdvc3NpcC1rZXktMzItYnl0ZXMtbG9uZyE=",
    nomad: "bm9tYWQtZ29zc2lwLWtleS0tMzItYnl0ZXMtbG9uZyE=",
  },
};

const textOf = ({ files }: Manifest, path: string) =>
  files.find((file) => file.path === path)?.text ?? assert.fail(`no ${path}`);
const jsonOf = (manifest: Manifest, path: string) => JSON.parse(textOf(manifest, path));

const both = { role: "both", docker: false, dockerFolders: false, volumes: {} } as const;

const server = plan(
  {
    name: "server",
    board: "lab",
    roles: { consul: "server", nomad: both, "node-exporter": true, ssh: { keys: [] } },
  },
  context,
  "amd64",
);

describe("an image that is made anew with today's packages", () => {
  const snapshot = "http://snapshots.example/archive/ARCHIVE/20260801T000000Z";
  const baseOf = (parts: Partial<Parameters<typeof plan>[0]>, board: "lab" | "pi4" = "lab") =>
    plan({ name: "server", board, roles: { ssh: { keys: [] } }, ...parts }, context, "amd64").base;

  it("has another base, unless its packages are of a day in history or those of an existing image", () => {
    const refreshed = "2026-11-27T18:30Z";
    assert.deepEqual(baseOf({ refreshed }), { ...baseOf({}), refreshed });
    const pinned = { base: { suite: "trixie", snapshot } };
    assert.deepEqual(baseOf({ ...pinned, refreshed }), baseOf(pinned));
    const existing = { base: { image: "/images/raspios.img.xz", sha256: "00".repeat(32) } };
    assert.deepEqual(baseOf({ ...existing, refreshed }, "pi4"), baseOf(existing, "pi4"));
  });
});

describe("the plan of a server image", () => {
  it("derives which servers to join, and how many to expect, from the machines", () => {
    const consul = jsonOf(server, "/etc/consul.d/consul.json");
    assert.deepEqual(consul.retry_join, context.consulServers);
    assert.equal(consul.bootstrap_expect, 3);
    const nomad = jsonOf(server, "/etc/nomad.d/nomad.json");
    assert.deepEqual(nomad.server.server_join.retry_join, context.nomadServers);
    assert.equal(nomad.server.bootstrap_expect, 3);
    assert.equal(nomad.client.enabled, true);
  });

  it("has the gossip keys only in files that only their agent may read", () => {
    const withKey = server.files.filter(({ text }) =>
      Object.values(context.gossipKeys).some((key) => text.includes(key)),
    );
    assert.deepEqual(
      withKey.map(({ path, mode, owner }) => [path, mode, owner]),
      [
        ["/etc/consul.d/gossip.json", "0600", "consul"],
        ["/etc/nomad.d/nomad.json", "0600", "root"],
      ],
    );
  });

  it("holds no identity of a machine", () => {
    const paths = [...server.files, ...server.links].map(({ path }) => path);
    for (const path of ["/etc/hostname", "/etc/machine-id", "/data/consul/node-id"]) assert.ok(!paths.includes(path));
    for (const { path } of server.files) assert.doesNotMatch(path, /ssh_host_/);
  });

  it("is the same for the same settings, and enables each agent", () => {
    const again = plan(
      {
        name: "server",
        board: "lab",
        roles: { ssh: { keys: [] }, "node-exporter": true, nomad: both, consul: "server" },
      },
      context,
      "amd64",
    );
    assert.deepEqual(again.packages, server.packages);
    const enabled = server.links.map(({ path }) => path);
    for (const unit of ["consul", "nomad", "prometheus-node-exporter", "ssh"]) {
      assert.ok(enabled.includes(`/etc/systemd/system/multi-user.target.wants/${unit}.service`), unit);
    }
  });

  it("lists packages in order, without duplicates", () => {
    assert.deepEqual(server.packages, [...new Set(server.packages)].sort());
  });
});

describe("the plan of other images", () => {
  it("makes a Consul client that expects nobody", () => {
    const client = plan({ name: "c", board: "lab", roles: { consul: "client" } }, context, "arm64");
    const config = jsonOf(client, "/etc/consul.d/consul.json");
    assert.equal(config.server, undefined);
    assert.equal(config.bootstrap_expect, undefined);
    assert.ok(client.packages.includes("linux-image-cloud-arm64"));
  });

  it("has no SSH at all without the role", () => {
    const client = plan({ name: "c", board: "lab", roles: { consul: "client" } }, context, "amd64");
    assert.ok(!client.packages.includes("openssh-server"));
    assert.ok(!client.files.some(({ path }) => path.includes("ssh")));
  });

  it("keeps passwords out of SSH", () => {
    assert.match(textOf(server, "/etc/ssh/sshd_config.d/00-piinit.conf"), /^PasswordAuthentication no$/m);
  });

  it("gives the lab router DHCP by reservation only, and ports that lead to each address", () => {
    const router = planRouter({ cidr: "192.168.2.0/24", domain: "home.arpa" }, ["ssh-ed25519 AAAA"], "amd64");
    assert.match(textOf(router, "/etc/dnsmasq.d/lab.conf"), /^dhcp-range=192\.168\.2\.0,static,255\.255\.255\.0,2m$/m);
    assert.match(textOf(router, "/etc/nftables.conf"), /11051 : 192\.168\.2\.51 \. 8501/);
    assert.equal(textOf(router, "/root/.ssh/authorized_keys"), "ssh-ed25519 AAAA\n");
  });
});

import assert from "node:assert/strict";
import { imagePrograms, programsInFile } from "../../../cli/stack/programs.ts";
import { parseSettings } from "../../../components/settings.ts";
import { plan } from "../../../steps/image/plan/plan.ts";

const settings = (images: object) =>
  parseSettings(
    {
      network: { cidr: "192.168.2.0/24" },
      images,
      machines: [1, 2, 3].map((n) => ({
        name: `pi${n}`,
        mac: `b8:27:eb:00:00:0${n}`,
        ip: `192.168.2.5${n}`,
        image: "server",
      })),
    },
    "home",
  );

describe("the programs that a stack's images hold", () => {
  it("are those of each image's roles for its board, each once", () => {
    const server = { board: "pi3", roles: { consul: "server", nomad: "both", "node-exporter": true } };
    const monitor = { board: "pi-zero", roles: { consul: "client" } };
    assert.deepEqual(imagePrograms(settings({ server, copy: { ...server, board: "pi4" }, monitor }), "amd64"), [
      { name: "consul", architecture: "arm64" },
      { name: "nomad", architecture: "arm64" },
      { name: "consul", architecture: "armel" },
    ]);
  });

  it("are those that the image's plan names, for this host where the machines are virtual", () => {
    const images = { server: { board: "lab", roles: { consul: "server", nomad: "both" } } };
    const lab = parseSettings(
      { ...settings({ server: { ...images.server, board: "pi3" } }), wait: "5m", lab: {}, images },
      "lab",
    );
    const { server } = lab.images;
    assert.ok(server);
    const context = {
      datacenter: "dc1",
      consulServers: ["192.168.2.51"],
      nomadServers: ["192.168.2.51"],
      machines: [],
      gossipKeys: { consul: "", nomad: "" },
    };
    const planned = plan({ name: "server", ...server, files: [] }, context, "arm64").programs.map(({ name }) => name);
    assert.deepEqual(
      imagePrograms(lab, "arm64"),
      planned.map((name) => ({ name, architecture: "arm64" })),
    );
  });

  it("are known from the stack's file alone, for the images that are wanted and whatever else is wrong in it", () => {
    const server = { board: "pi3", roles: { nomad: "both", ssh: {} } };
    const config = {
      "piinit:images": { server, monitor: { board: "pi-zero" }, broken: null, odd: { board: "toString" } },
    };
    const found = (isWanted: (image: string) => boolean) => programsInFile(config, isWanted, "amd64");
    const ofServer = ["consul", "nomad"].map((name) => ({ name, architecture: "arm64" }));
    assert.deepEqual(
      found((image) => image === "server"),
      ofServer,
    );
    assert.deepEqual(
      found(() => true),
      [...ofServer, { name: "consul", architecture: "armel" }],
    );
    assert.deepEqual(
      programsInFile({}, () => true, "amd64"),
      [],
    );
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../../../components/settings.ts";
import { projectDir } from "../../../lib/paths.ts";
import { serversOf } from "../../../steps/image/roles/servers.ts";
import { home, machine } from "./home.ts";

describe("settings that are right", () => {
  it("get every default", () => {
    const settings = parseSettings(home(), "home");
    assert.equal(settings.datacenter, "dc1");
    assert.equal(settings.network.domain, "home.arpa");
    assert.deepEqual(settings.network.router, { kind: "manual" });
    assert.equal(settings.wait, 600);
    assert.deepEqual(settings.jobs, {});
  });

  it("have lists and maps for a job's variables as the expressions that a job file has", () => {
    const vars = { places: ["home", "$" + "{x}"], sizes: { small: 1, large: [2, true] }, text: '["home"]', one: 1.5 };
    const { jobs } = parseSettings(home({ jobs: { a: { file: "a.hcl", vars } } }), "home");
    assert.deepEqual(jobs.a?.vars, {
      places: '["home","$$' + '{x}"]',
      sizes: '{"small":1,"large":[2,true]}',
      text: '["home"]',
      one: "1.5",
    });
  });

  it("name the servers of each agent", () => {
    const settings = parseSettings(
      home({
        images: {
          server: { board: "pi3", roles: { consul: "server", nomad: "both" } },
          monitor: { board: "pi-zero", roles: { consul: "client" } },
        },
        machines: [machine(1), machine(2), machine(3), machine(4, { image: "monitor" })],
      }),
      "home",
    );
    assert.deepEqual(
      serversOf(settings, "consul").map(({ name }) => name),
      ["pi1", "pi2", "pi3"],
    );
    assert.deepEqual(
      serversOf(settings, "nomad").map(({ name }) => name),
      ["pi1", "pi2", "pi3"],
    );
  });

  it("take MAC addresses in capitals, and numbers and truths as texts of keys", () => {
    const settings = parseSettings(
      home({ machines: [machine(1, { mac: "B8:27:EB:00:00:01" }), machine(2), machine(3)], kv: { a: 1, b: true } }),
      "home",
    );
    assert.equal(settings.machines[0]?.mac, "b8:27:eb:00:00:01");
    assert.deepEqual(settings.kv, { a: "1", b: "true" });
  });

  it("name a builder as ssh does, and leave to ssh what isn't said", () => {
    const builderOf = (builder: object) => parseSettings(home({ builder }), "home").builder;
    assert.deepEqual(builderOf({ ssh: "me@nuc.lan", port: 2222 }), { host: "nuc.lan", user: "me", port: 2222 });
    assert.deepEqual(builderOf({ ssh: "vagrant" }), { host: "vagrant", user: undefined });
  });

  it("are those of the lab as it is checked in", () => {
    const file = parse(readFileSync(path.join(projectDir, "stacks", "Pulumi.lab.yaml"), "utf8"));
    const raw = Object.fromEntries(
      Object.entries(file.config as object).map(([key, value]) => [key.replace("piinit:", ""), value]),
    );
    assert.equal(parseSettings(raw, "lab").machines.length, 3);
  });
});

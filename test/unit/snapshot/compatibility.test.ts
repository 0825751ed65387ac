import assert from "node:assert/strict";
import { incompatibilities } from "../../../snapshot/compatibility.ts";

const archive = Buffer.alloc(0);
const taken = {
  consul: { version: "1.22.2", datacenter: "home", archive },
  nomad: { version: "1.11.2", datacenter: "home", archive },
};
const now = (consul: string, nomad: string, datacenter = "home") => ({
  consul: { version: consul, datacenter, keys: 0 },
  nomad: { version: nomad, datacenter, jobs: 0, variables: 0 },
});

describe("whether a cluster can take a snapshot", () => {
  it("depends on the versions, of which only the last number may differ", () => {
    assert.deepEqual(incompatibilities(taken, now("1.22.2", "1.11.2")), []);
    assert.deepEqual(incompatibilities(taken, now("1.22.9", "1.11.0")), []);
    assert.match(
      incompatibilities(taken, now("1.23.2", "1.11.2")).join("\n"),
      /^Consul was 1\.22\.2 and is 1\.23\.2 now/,
    );
    assert.match(
      incompatibilities(taken, now("1.22.2", "2.11.2")).join("\n"),
      /^Nomad was 1\.11\.2 and is 2\.11\.2 now/,
    );
    assert.equal(incompatibilities(taken, now("1.2.2", "1.1.2")).length, 2);
  });

  it("depends on the datacenter", () => {
    const [first, second] = incompatibilities(taken, now("1.22.2", "1.11.2", "lab"));
    assert.match(first ?? "", /^Consul's datacenter was home and is lab now: set the stack's `datacenter` to home/);
    assert.match(second ?? "", /^Nomad's datacenter/);
  });

  it("doesn't depend on a Nomad that one of them lacks", () => {
    assert.deepEqual(incompatibilities({ consul: taken.consul }, now("1.22.2", "9.9.9")), []);
    assert.deepEqual(incompatibilities(taken, { consul: now("1.22.2", "").consul }), []);
  });
});

import assert from "node:assert/strict";
import { type CertifiedImage, subjectOf } from "../../../steps/security/agent-names.ts";

describe("an image's certificate", () => {
  const namesOf = (consul: CertifiedImage["consul"], nomad?: CertifiedImage["nomad"]) =>
    subjectOf({ name: "x", consul, nomad, addresses: [] }, "home").names;

  it("has the names of the image's own agents, and of no others", () => {
    const names = (...agents: string[]) => [...agents, "localhost"];
    assert.deepEqual(namesOf("server", "server"), names("server.home.consul", "server.global.nomad"));
    assert.deepEqual(namesOf("server", "both"), names("server.home.consul", "server.global.nomad"));
    assert.deepEqual(namesOf("server", "client"), names("server.home.consul", "client.global.nomad"));
    assert.deepEqual(namesOf("client", "server"), names("client.home.consul", "server.global.nomad"));
    assert.deepEqual(namesOf("client", "client"), names("client.home.consul", "client.global.nomad"));
    assert.deepEqual(namesOf("client"), names("client.home.consul"));
  });

  it("has no server's name on a client, not even as its common name, which Nomad takes for one", () => {
    const { commonName, names } = subjectOf(
      { name: "server", consul: "client", nomad: "client", addresses: [] },
      "home",
    );
    assert.equal(commonName, "server");
    assert.ok([commonName, ...names].every((name) => !name.startsWith("server.")));
  });

  it("has the addresses of the image's machines, whatever their order", () => {
    const addressesOf = (...addresses: string[]) =>
      subjectOf({ name: "x", consul: "client", addresses }, "home").addresses;
    assert.deepEqual(addressesOf("192.168.2.52", "192.168.2.51"), ["127.0.0.1", "192.168.2.51", "192.168.2.52"]);
    assert.deepEqual(addressesOf("192.168.2.51", "192.168.2.52"), addressesOf("192.168.2.52", "192.168.2.51"));
  });
});

import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";

const macs = ["b8:27:eb:00:00:01", "b8:27:eb:00:00:02", "b8:27:eb:00:00:03"];

describe("settings that pulumi new has asked for", () => {
  const asked = { network: "192.168.2.0/24", images: "pi4", machines: macs.join(" ") };

  it("stand for three servers on the network, with a router that is set up by hand", () => {
    const { network, images, machines } = parseSettings(asked, "home");
    assert.deepEqual(network.router, { kind: "manual" });
    assert.deepEqual(Object.keys(images), ["server"]);
    assert.equal(images.server?.board, "pi4");
    assert.deepEqual(
      machines,
      macs.map((mac, index) => ({ name: `pi${index + 1}`, mac, ip: `192.168.2.5${index + 1}`, image: "server" })),
    );
    assert.deepEqual(parseSettings({ ...asked, machines: macs.join(", ") }, "home").machines, machines);
  });

  it("may be given in full, one by one", () => {
    const { machines } = parseSettings({ ...asked, network: { cidr: "192.168.7.0/24" } }, "home");
    assert.equal(machines[0]?.ip, "192.168.7.51");
  });

  it("are refused where they are wrong, with the place that they stand for", () => {
    for (const [change, message] of [
      [{ network: "home" }, /piinit:network\.cidr {2}home must be a network/],
      [{ images: "pi9" }, /piinit:images\.server\.board {2}pi9 must be/],
      [{ machines: `${macs[0]} zz ${macs[2]}` }, /piinit:machines\[1\]\.mac {2}zz must be a MAC address/],
      [{ machines: macs.slice(1).join(" ") }, /must have three Consul servers/],
    ] as const)
      assert.throws(() => parseSettings({ ...asked, ...change }, "home"), message);
  });
});

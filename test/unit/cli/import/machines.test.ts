import assert from "node:assert/strict";
import { machinesToAskFor } from "../../../../cli/import/home-stack.ts";
import { askForMachines, parseLine, parseMachines } from "../../../../cli/import/machine-lines.ts";
import { UserError } from "../../../../lib/errors.ts";
import { monitor, read, servers } from "./original.ts";

describe("the machines of an import", () => {
  it("are given as options", () => {
    assert.deepEqual(parseMachines(["pi1=B8-27-EB-00-00-01,192.168.2.51", "a=b8:27:eb:00:00:02,10.0.0.2,monitor"]), [
      { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51", image: undefined },
      { name: "a", mac: "b8:27:eb:00:00:02", ip: "10.0.0.2", image: "monitor" },
    ]);
  });

  it("are refused all at once if options are invalid", () => {
    const wrong = ["pi1", "pi1=b8:27:eb:00:00,192.168.2.51", "pi1=b8:27:eb:00:00:01,192.168.2.510"];
    assert.throws(
      () => parseMachines(["pi2=b8:27:eb:00:00:01,192.168.2.51", ...wrong]),
      (error) => error instanceof UserError && wrong.every((option) => error.message.includes(`\n  ${option}`)),
    );
  });

  it("are proposed by name and address, and asked for until the answer is valid", async () => {
    const proposed = machinesToAskFor(read(servers, monitor).images);
    assert.deepEqual(
      proposed.map(({ name, ip, image }) => `${name} ${ip} ${image}`),
      ["pi1 192.168.2.51 server", "pi2 192.168.2.52 server", "pi3 192.168.2.53 server", "zero1 192.168.2.54 monitor"],
    );
    const lines = [
      "b8:27:eb:00:00:01",
      "no idea",
      "B8:27:EB:00:00:02 192.168.2.62",
      "b8:27:eb:00:00:03",
      "mon b8:27:eb:00:00:04, 192.168.2.50",
    ];
    const asked: string[] = [];
    const answers = await askForMachines(proposed, async (question) => {
      asked.push(question);
      return lines.shift() ?? "";
    });
    assert.deepEqual(
      answers.map(({ name, mac, ip, image }) => [name, mac, ip, image].join(" ")),
      [
        "pi1 b8:27:eb:00:00:01 192.168.2.51 server",
        "pi2 b8:27:eb:00:00:02 192.168.2.62 server",
        "pi3 b8:27:eb:00:00:03 192.168.2.53 server",
        "mon b8:27:eb:00:00:04 192.168.2.50 monitor",
      ],
    );
    assert.match(asked[2] ?? "", /^there is no MAC address/);
  });

  const proposals = (...contents: object[]) =>
    machinesToAskFor(read(...contents).images).map(({ name, ip }) => `${name} ${ip}`);

  it("never get the same address or name proposed twice", () => {
    assert.deepEqual(proposals(servers, { ...monitor, corehosts: "pi1,pi2,pi3,pi4" }), [
      "pi1 192.168.2.51",
      "pi2 192.168.2.52",
      "pi3 192.168.2.53",
      "pi4 192.168.2.54",
      "zero1 192.168.2.55",
    ]);
    assert.deepEqual(proposals(servers, { ...monitor, corehosts: "zero1,zero1,192.168.2.51,192.168.2.51,pi2,pi3" }), [
      "zero1 192.168.2.51",
      "pi2 192.168.2.52",
      "pi3 192.168.2.53",
      "zero2 192.168.2.54",
    ]);
    const four = ["192.168.7.54", "192.168.7.53", "192.168.7.52", "192.168.7.51"];
    assert.deepEqual(proposals({ ...servers, CoreServers: four }, { ...monitor, corehosts: "" }), [
      ...four.map((ip, index) => `pi${index + 1} ${ip}`),
      "zero1 192.168.7.55",
    ]);
  });

  it("get addresses of their own network proposed, however small it is", () => {
    const inNetwork = (CoreCidr: string) => proposals({ ...servers, CoreCidr }, { ...monitor, corehosts: "" });
    const [, ...rest] = ["", "pi1", "pi2", "pi3", "zero1"];
    assert.deepEqual(
      inNetwork("10.0.0.0/8"),
      rest.map((name, index) => `${name} 10.0.0.${51 + index}`),
    );
    assert.deepEqual(
      inNetwork("10.1.2.48/29"),
      rest.map((name, index) => `${name} 10.1.2.${50 + index}`),
    );
    assert.deepEqual(
      inNetwork("10.1.2.0/26"),
      rest.map((name, index) => `${name} 10.1.2.${51 + index}`),
    );
    assert.deepEqual(inNetwork("192.168.9.0/30"), [
      "pi1 192.168.9.2",
      "pi2 undefined",
      "pi3 undefined",
      "zero1 undefined",
    ]);
  });

  it("are asked for again at once if another one already has that, or there is no address", async () => {
    const lines = [
      "b8:27:eb:00:00:01 192.168.2.52",
      "b8:27:eb:00:00:02",
      "b8:27:eb:00:00:01 192.168.2.53",
      "pi1 b8:27:eb:00:00:02 192.168.2.53",
      "b8:27:eb:00:00:02 192.168.2.53",
      "b8:27:eb:00:00:03",
      "b8:27:eb:00:00:03 192.168.2.54",
    ];
    const asked: string[] = [];
    const proposed = [
      { name: "pi1", ip: "192.168.2.51" },
      { name: "pi2", ip: "192.168.2.52" },
      { name: "pi3", ip: undefined },
    ];
    const machines = await askForMachines(proposed, async (question) => {
      asked.push(question.split(/[:.,] /)[0] ?? "");
      return lines.shift() ?? assert.fail("asked too often");
    });
    assert.deepEqual(
      machines.map(({ name, ip }) => `${name} ${ip}`),
      ["pi1 192.168.2.52", "pi2 192.168.2.53", "pi3 192.168.2.54"],
    );
    assert.deepEqual(asked, [
      "pi1 at 192.168.2.51",
      "pi2 at 192.168.2.52",
      "192.168.2.52 already belongs to pi1",
      "b8:27:eb:00:00:01 already belongs to pi1",
      "there is already a pi1",
      "pi3",
      "the network has no address left",
    ]);
  });

  it("are one per line", () => {
    const [proposed = { name: "", ip: "" }] = machinesToAskFor(read(servers).images);
    assert.equal(typeof parseLine("b8:27:eb:00:00:01 b8:27:eb:00:00:02", proposed), "string");
  });
});

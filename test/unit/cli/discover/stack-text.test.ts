import assert from "node:assert/strict";
import { parse } from "yaml";
import { withMachines } from "../../../../cli/discover/stack-text.ts";
import { UserError } from "../../../../lib/errors.ts";

const added = { name: "pi4", mac: "2c:cf:67:00:00:04", ip: "192.168.2.54", image: "server" };
const line = '{name: pi4, mac: "2c:cf:67:00:00:04", ip: 192.168.2.54, image: server}';

describe("a stack's file to which a machine is added", () => {
  const machinesIn = (text: string) => parse(text).config["piinit:machines"] as { name: string }[];

  it("stays as it is, whatever style its list has", () => {
    for (const [before, after] of [
      [
        "config:\n  piinit:machines:\n    - {name: pi1} # a\n# b\n",
        `config:\n  piinit:machines:\n    - {name: pi1} # a\n    - ${line}\n# b\n`,
      ],
      [
        "config:\n  piinit:machines:\n  - name: pi1\n    ip: 1\n\n  piinit:wait: 1m\n",
        `config:\n  piinit:machines:\n  - name: pi1\n    ip: 1\n  - ${line}\n\n  piinit:wait: 1m\n`,
      ],
      ["config:\n  piinit:machines: [{name: pi1}] # a\n", `config:\n  piinit:machines: [{name: pi1}, ${line}] # a\n`],
      [
        "config:\n  piinit:machines:\n    - {name: pi1}",
        `config:\n  piinit:machines:\n    - {name: pi1}\n    - ${line}\n`,
      ],
      ["config: {piinit:machines: [{name: pi1}]}\n", `config: {piinit:machines: [{name: pi1}, ${line}]}\n`],
    ] as const) {
      assert.equal(withMachines(before, [added]), after);
      assert.deepEqual(machinesIn(after).at(-1), added);
    }
  });

  it("takes several, in their order", () => {
    const text = withMachines("config:\n  piinit:machines:\n    - {name: pi1}\n", [added, { ...added, name: "pi5" }]);
    assert.deepEqual(
      machinesIn(text).map(({ name }) => name),
      ["pi1", "pi4", "pi5"],
    );
  });

  it("is refused if it has no list of machines", () => {
    for (const text of [
      "",
      "config: {}\n",
      "config: {piinit:machines: []}\n",
      "config:\n  piinit:machines: {secure: x}\n",
    ])
      assert.throws(() => withMachines(text, [added]), UserError);
  });
});

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { followMovedPrograms } from "../../../cli/stack/earlier-commands.ts";
import { projectDir } from "../../../lib/paths.ts";
import { clusterStep } from "../../../steps/cluster/contract.ts";
import { type Contract, checkInput } from "../../../steps/contract.ts";
import { imageStep } from "../../../steps/image/manifest/contract.ts";
import { labStep } from "../../../steps/lab/contract.ts";
import { routerStep } from "../../../steps/router/contract.ts";
import { runProgram, shippedSettings } from "../components/program.ts";

/** The steps of a lab that the version before this one made: from its state, without the texts of the images' files. */
interface Stored {
  urn: string;
  type: string;
  create: string;
  delete?: string;
  stdin: unknown;
}

const file = path.join(projectDir, "test/unit/cli/earlier/lab.json");
const stored = JSON.parse(readFileSync(file, "utf8")) as Stored[];
const resources = stored.map(({ urn, type, ...commands }) => ({
  urn,
  type,
  inputs: commands,
  outputs: { ...commands },
}));
const contracts: Contract[] = [clusterStep, imageStep, labStep, routerStep];

describe("the state of a lab that an earlier version made", () => {
  const { deployment } = followMovedPrograms({ deployment: { resources } });
  const commands = (deployment.resources ?? []).flatMap(({ inputs, outputs }) =>
    [inputs?.create, inputs?.delete, outputs?.create, outputs?.delete].flatMap((command) =>
      command === undefined ? [] : [{ command: String(command), stdin: inputs?.stdin }],
    ),
  );

  it("names programs that are there, with verbs and inputs that they know", () => {
    assert.ok(commands.length >= 2 * stored.length);
    for (const { command, stdin } of commands) {
      const [, program = "", verb = ""] = /^node --import tsx steps\/(\w+)\/main\.ts (\S+)$/.exec(command) ?? [];
      assert.ok(existsSync(path.join(projectDir, "steps", program, "main.ts")), command);
      const known = contracts.find((contract) => contract.program === program)?.verbs[verb];
      checkInput(program, known?.input ?? assert.fail(command), stdin);
    }
  });

  it("names the resources and commands of today's program, so that up changes none of them", async () => {
    const { made } = await runProgram("lab", shippedSettings("lab"));
    const today = new Map(made.map(({ name, inputs }) => [name, inputs]));
    for (const { urn, inputs } of deployment.resources ?? []) {
      const now = today.get(urn.slice(urn.lastIndexOf("::") + 2));
      assert.deepEqual([now?.create, now?.delete], [inputs?.create, inputs?.delete], urn);
    }
  });

  it("is left as it is the second time", () => {
    const state = { deployment };
    assert.equal(followMovedPrograms(state), state);
  });

  it("is followed in what a killed run was doing, and in no commands of others", () => {
    const command = (create: string) => ({ urn: "u", type: "command:local:Command", inputs: { create } });
    const pending = [{ type: "creating", resource: command("node --import tsx commands/ready/main.ts wait") }];
    const own = [command("echo commands/ready/main.ts"), { ...command(""), type: "nomad:index/job:Job" }];
    const followed = followMovedPrograms({ deployment: { resources: own, pending_operations: pending } }).deployment;
    assert.deepEqual(followed.resources, own);
    assert.equal(
      followed.pending_operations?.[0]?.resource.inputs?.create,
      "node --import tsx steps/cluster/main.ts wait",
    );
  });
});

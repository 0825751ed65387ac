import assert from "node:assert/strict";
import { faultAnswers } from "../faults/answers.ts";
import { faultCommands } from "../faults/commands.ts";
import type { Part, Trial } from "../faults/part.ts";
import { faultSettings } from "../faults/settings.ts";
import { randomFrom } from "../random.ts";
import { whyNoHome } from "./router/home.ts";
import { whyNoSshd } from "./sshd.ts";

/** `npm run faults` in a short form, always with the same faults. */
describe("the fault suite, a few of each kind", function () {
  this.timeout("20m");

  async function findsNothingWrong(part: Part, times: number): Promise<void> {
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const trial: Trial = { random: randomFrom(1), times, signal: new AbortController().signal, say };
    const faults = (await part(trial)).flatMap((row) => row.faults ?? []);
    assert.deepEqual(faults, [], said.join("\n"));
  }

  it("finds nothing wrong with what damaged stack files lead to", () => findsNothingWrong(faultSettings, 6));

  it("finds nothing wrong with what broken agents and routers lead to", async function () {
    if (await whyNoSshd()) this.skip();
    await findsNothingWrong(faultAnswers, 10);
  });

  it("finds nothing wrong after commands that were ended at any moment", async function () {
    if (await whyNoHome()) this.skip();
    await findsNothingWrong((trial) => faultCommands(trial, false), 3);
  });
});

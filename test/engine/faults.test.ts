import assert from "node:assert/strict";
import { faultSettings } from "../faults/settings.ts";
import { randomFrom } from "../random.ts";

/** `npm run faults -- settings` in a short form, always with the same faults. */
describe("the fault suite, a few of its damaged stack files", function () {
  this.timeout("10m");

  it("finds nothing wrong with what they lead to", async () => {
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const rows = await faultSettings({ random: randomFrom(1), times: 6, signal: new AbortController().signal, say });
    assert.deepEqual(
      rows.flatMap(({ faults = [] }) => faults),
      [],
      said.join("\n"),
    );
  });
});

import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";
import { UserError } from "../../../lib/errors.ts";
import { mutateSettings } from "../../faults/mutate-settings.ts";
import { newSeed, randomFrom } from "../../random.ts";
import { shippedSettings } from "./program.ts";

describe("settings with something wrong in them", () => {
  const seed = Number(process.env.SEED ?? newSeed());
  it(`are used, or refused in plain words with a path for each fault, whatever it is (SEED=${seed})`, () => {
    const random = randomFrom(seed);
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const stack = round % 2 === 0 ? "lab" : "example";
      const settings = mutateSettings(shippedSettings(stack), random);
      const given = JSON.stringify(settings);
      try {
        parseSettings(settings, stack);
      } catch (error) {
        assert.ok(error instanceof UserError, `${given}\n${error instanceof Error ? error.stack : error}`);
        const [, ...lines] = error.message.split("\n");
        assert.ok(lines.length > 0);
        for (const line of lines) {
          assert.match(line, /^ {2}piinit:.* {2}\S/, given);
          assert.doesNotMatch(
            line,
            /Invalid|expected|received|Too (small|big)|undefined|\[object|another (form|kind)/,
            given,
          );
        }
        refused++;
      }
    }
    assert.ok(refused > 300, `${refused} of 1000 were refused`);
  });
});

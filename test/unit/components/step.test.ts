import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { Step } from "../../../components/step.ts";
import { UserError } from "../../../lib/errors.ts";
import { checkInput, defineContract } from "../../../steps/contract.ts";

const kettle = defineContract({
  program: "kettle",
  verbs: {
    boil: { input: z.object({ litres: z.number() }), answer: z.object({ degrees: z.number() }) },
    empty: { input: z.object({ litres: z.number().optional() }) },
    weigh: { input: z.object({ grams: z.number() }) },
  },
});

/** Compiled only: tsc, which is a test of its own, fails where one of these mistakes is none to it. */
function mistakes(): void {
  // @ts-expect-error no such verb
  new Step("a", kettle, { create: "boyl", input: { litres: 1 } }, {});
  // @ts-expect-error a wrong input
  new Step("a", kettle, { create: "boil", input: { liters: 1 } }, {});
  // @ts-expect-error a delete that can't use the input of create
  new Step("a", kettle, { create: "boil", delete: "weigh", input: { litres: 1 } }, {});
  const step = new Step("a", kettle, { create: "boil", delete: "empty", input: pulumi.output({ litres: 1 }) }, {});
  // @ts-expect-error an answer of another type
  step.answer() satisfies pulumi.Output<{ degrees: string }>;
  step.answer() satisfies pulumi.Output<{ degrees: number }>;
}

void mistakes;

describe("a step's contract", () => {
  it("names all that is wrong with an input", () => {
    const input = z.object({ name: z.string(), machines: z.array(z.object({ ip: z.ipv4("is no IPv4 address") })) });
    assert.deepEqual(checkInput("kettle", input, { name: "a", machines: [] }), { name: "a", machines: [] });
    assert.throws(
      () => checkInput("kettle", input, { machines: [{ ip: "::1" }] }),
      (error) =>
        error instanceof UserError &&
        /^Invalid input for the kettle program:\n {2}name: .*\n {2}machines\.0\.ip: is no IPv4 address$/.test(
          error.message,
        ),
    );
    assert.throws(() => checkInput("kettle", input, "text"), /\n {2}input: /);
  });
});

import assert from "node:assert/strict";
import { countRuns, type Run } from "../../faults/periodic.ts";
import { longestGap } from "../../faults/traffic.ts";

describe("what the fault suite counts", () => {
  /** A run that starts some seconds after the first minute's begin, on machines of which some complete it. */
  const run = (second: number, tries: Record<string, boolean>, over = second + 10): Run => ({
    id: `heartbeat/periodic-${6000 + second}`,
    over: 6000 + over,
    tries: Object.entries(tries).map(([node, isComplete]) => ({ node, isComplete })),
  });
  const count = (runs: Run[], machines?: string[]) =>
    countRuns(runs, machines ? [{ machines, from: 6061, to: 6090 }] : [], 6000, 6180);

  it("are the minutes in which a run was missed or done twice", () => {
    const { due, missed, doubled } = count([
      run(0, { pi1: true }),
      run(60, { pi1: false }),
      run(125, { pi1: true, pi2: true }),
    ]);
    assert.equal(due, 3);
    assert.deepEqual(missed, ["1970-01-01T01:41:00.000Z: 0 runs (tried on: pi1)"]);
    assert.deepEqual(doubled, ["1970-01-01T01:42:00.000Z: 2 runs (tried on: pi1, pi2)"]);
  });

  it("are not those that the outage of their own machine, or of all, explains", () => {
    const runs = [run(0, { pi1: true }), run(60, { pi1: false }), run(120, { pi2: true })];
    assert.deepEqual(count(runs, ["pi1"]).missed, []);
    assert.deepEqual(count(runs, ["pi1", "pi2", "pi3"]).missed, []);
    assert.equal(count(runs, ["pi2"]).missed.length, 1);
  });

  it("are not those that the job itself leaves out, because the run before is not over", () => {
    const { missed, leftOut } = count([run(0, { pi1: true }, 58)]);
    assert.equal(leftOut, 1);
    assert.deepEqual(missed, ["1970-01-01T01:42:00.000Z: 0 runs (tried on: nowhere)"]);
    assert.equal(count([run(0, { pi1: true }, Number.POSITIVE_INFINITY)]).leftOut, 2);
  });

  it("is the longest time between two writes, from the one before the fault on", () => {
    assert.equal(longestGap([1, 2, 4, 9, 10], 5, 11), 5);
    assert.equal(longestGap([1, 2], 5, 11), 9);
    assert.equal(longestGap([6, 7], 5, 8), 1);
  });
});

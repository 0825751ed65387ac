import assert from "node:assert/strict";
import { pathText } from "../../../components/faults.ts";
import { alteredBySource } from "../../../components/source.ts";

const faultsOf = (yaml: string, given: Record<string, unknown>) =>
  alteredBySource(yaml, given).map(
    ({ path, value, reason, detail }) => `${pathText(path)} ${value} ${reason}${detail}`,
  );

describe("what YAML altered", () => {
  it("is found in keys' values, in lists, in names, behind anchors and in plain settings", () => {
    const yaml = [
      "config:",
      "  piinit:wait: 010",
      "  piinit:kv: {a: 1.10, b: &b 0755, c: 2024-01-02, d: 9007199254740993, e: *b, 0x1F: x, <<: {f: 1_000}}",
      "  piinit:machines: [1e3, True]",
    ].join("\n");
    const given = {
      wait: "8",
      kv: { a: 1.1, b: 493, c: "2024-01-02 00:00:00 +0000 UTC", d: 9007199254740992, e: 493, "31": "x", f: 1000 },
      machines: [1000, true],
    };
    assert.deepEqual(
      faultsOf(yaml, given).map((line) => line.replace(/ must be in quotes.*/, "")),
      [
        "wait 010",
        "kv.a 1.10",
        "kv.b 0755",
        "kv.c 2024-01-02",
        "kv.d 9007199254740993",
        "kv.e 0755",
        "kv.31 0x1F",
        "kv.f 1_000",
        "machines[0] 1e3",
        "machines[1] True",
      ],
    );
  });

  it("is told with both forms and what to write", () => {
    assert.deepEqual(faultsOf("config: {piinit:kv: {a: 1.10}}", { kv: { a: 1.1 } }), [
      'kv.a 1.10 must be in quotes in the file, "1.10": YAML reads it as 1.1',
    ]);
  });

  it("is nothing that came through, stands in quotes, is a secret or came from elsewhere", () => {
    const yaml = [
      "config:",
      "  other:kv: {a: 010}",
      "  piinit:kv: {a: 1, b: 'x', c: \"1.10\", d: yes, e: 12:30:45, f: 1.5, g: true, h: !!str 0755, i: {secure: v1:x}}",
      "  piinit:lab: {memoryMiB: 768}",
    ].join("\n");
    const kv = { a: 1, b: "x", c: "1.10", d: "yes", e: "12:30:45", f: 1.5, g: true, h: "0755", i: "0755" };
    assert.deepEqual(faultsOf(yaml, { kv, lab: { memoryMiB: 1024 } }), []);
    for (const text of ["", "config:", "- a", "config: [", "config: {piinit:kv: }"])
      assert.deepEqual(faultsOf(text, { kv }), []);
  });
});

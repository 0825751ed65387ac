import assert from "node:assert/strict";
import { NoAnswer } from "../../../lib/http.ts";
import { judge } from "../../../steps/cluster/judge.ts";
import { expectation, healthy } from "./healthy.ts";

describe("the gate, where agents don't know the stack's secrets", () => {
  it("names a machine whose image is from before there were certificates, or of another stack, and has no hope without", () => {
    const { seen } = healthy();
    seen.machines[0] = { silence: { Consul: new NoAnswer("connection refused") }, isOpen: true };
    const foreign = new NoAnswer("its certificate is of another authority", { isDistrusted: true });
    seen.machines[1] = { silence: { Consul: foreign } };
    const { findings } = judge(expectation, seen);
    assert.deepEqual(
      findings.map(({ machine, problem, needsImage }) => [machine?.name, problem, needsImage]),
      [
        ["pi1", "its Consul lets everybody in", true],
        ["pi2", "no answer from Consul at http://192.168.2.52:8500: its certificate is of another authority", true],
      ],
    );
    assert.ok(findings.every(({ action }) => action.includes("burn `server`")));
  });

  it("names a certificate that has ended, and what makes another", () => {
    const { seen } = healthy();
    const cause = Object.assign(new Error(), { code: "CERT_HAS_EXPIRED" });
    const ended = new NoAnswer("its certificate has expired", { isDistrusted: true, cause });
    seen.machines[0] = { silence: { Consul: ended } };
    const [finding] = judge(expectation, seen).findings;
    assert.match(finding?.problem ?? "", /its certificate has expired$/);
    assert.match(finding?.action ?? "", /^make new ones by \.\/piinit rotate/);
  });

  it("names a Nomad that doesn't know the stack's token", () => {
    const { seen } = healthy();
    const { consul } = seen.machines[2] ?? {};
    seen.machines[2] = { consul, silence: { Nomad: new NoAnswer("it says 403 Permission denied", { status: 403 }) } };
    const [finding] = judge(expectation, seen).findings;
    assert.match(finding?.action ?? "", /doesn't know the stack's token .*journalctl -u nomad-acl/);
  });
});

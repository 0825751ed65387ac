import assert from "node:assert/strict";
import { isAsWanted } from "../../../steps/access/consul-acl.ts";
import { policiesFor, taskPolicy, tokensFor } from "../../../steps/access/objects.ts";

const token = (digit: number) => ({ accessor: `a${digit}`, secret: `s${digit}` });
const images = [
  { name: "server", machines: ["pi1", "pi2"], token: token(1) },
  { name: "monitor", machines: ["zero"], token: token(2) },
];
const tokens = { dns: token(3), nomadServer: token(4), nomadClient: token(5), prometheus: token(6) };
const rulesOf = (name: string) => policiesFor({ images }).find(({ Name }) => Name === name)?.Rules ?? assert.fail(name);

describe("who may do what in Consul", () => {
  it("lets a machine speak for the machines of its own image alone", () => {
    assert.match(rulesOf("piinit-machine-server"), /^node "pi1" \{ policy = "write" \}\nnode "pi2" /);
    assert.doesNotMatch(rulesOf("piinit-machine-monitor"), /pi1|pi2|key_prefix|acl|operator/);
  });

  it("lets nobody but tasks read keys, and these write below jobs/ only, and see nothing of updates", () => {
    const readers = [...policiesFor({ images }), taskPolicy].filter(({ Rules }) => Rules.includes("key_prefix"));
    assert.deepEqual(readers, [taskPolicy]);
    assert.deepEqual(taskPolicy.Rules.match(/key_prefix .* "write" }/g), ['key_prefix "jobs/" { policy = "write" }']);
    assert.match(taskPolicy.Rules, /^key_prefix "piinit\/" \{ policy = "deny" \}$/m);
  });

  it("lets a machine learn which image it is to have, and say which it has, for no other machine", () => {
    assert.deepEqual(rulesOf("piinit-machine-monitor").match(/^key .*$/gm), [
      'key "piinit/wanted/zero" { policy = "read" }',
      'key "piinit/status/zero" { policy = "write" }',
    ]);
  });

  it("gives each image's machines a token of their own, and all tokens a policy", () => {
    const made = tokensFor({ images, tokens });
    assert.deepEqual(
      made.map(({ SecretID }) => SecretID),
      ["s1", "s2", "s4", "s5", "s6", "s3"],
    );
    const names = policiesFor({ images }).map(({ Name }) => Name);
    for (const { Policies, TemplatedPolicies } of made) {
      assert.equal(Policies.length + TemplatedPolicies.length, 1);
      for (const { Name } of Policies) assert.ok(names.includes(Name), Name);
    }
  });
});

describe("an object of Consul's", () => {
  it("is as wanted when it has that and more, and when what is empty was left out", () => {
    assert.ok(isAsWanted({ Name: "a", Local: false, Policies: [] }, { Name: "a", ID: "1" }));
    assert.ok(isAsWanted({ Policies: [{ Name: "p" }] }, { Policies: [{ ID: "1", Name: "p" }] }));
  });

  it("isn't when a value differs, is missing, or is one of more", () => {
    assert.ok(!isAsWanted({ Name: "a" }, { Name: "b" }));
    assert.ok(!isAsWanted({ Rules: "x" }, {}));
    assert.ok(!isAsWanted({ Policies: [{ Name: "p" }] }, { Policies: [{ Name: "p" }, { Name: "root" }] }));
    assert.ok(!isAsWanted({ Policies: [] }, { Policies: [{ Name: "root" }] }));
    assert.ok(!isAsWanted({ Config: { a: ["b"] } }, { Config: { a: ["c"] } }));
  });
});

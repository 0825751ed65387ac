import assert from "node:assert/strict";
import { namespaceFault } from "../../../steps/image/install/namespace.ts";

const user = { isRoot: false, user: "ann", canUnshare: true, hasRange: true };

describe("what installing packages needs", () => {
  it("is met for a user with a namespace and a range of IDs, and for root", () => {
    assert.equal(namespaceFault(user), undefined);
    assert.equal(namespaceFault({ ...user, isRoot: true, hasRange: false }), undefined);
  });

  it("is named if it is missing, with what to do", () => {
    assert.match(
      namespaceFault({ ...user, canUnshare: false }) ?? "",
      /may not create a user namespace.* sysctl .* run as root/s,
    );
    assert.match(
      namespaceFault({ ...user, hasRange: false }) ?? "",
      /ann has no range .* usermod --add-subuids .* ann\)/s,
    );
    assert.match(namespaceFault({ ...user, isRoot: true, canUnshare: false }) ?? "", /container .*--privileged/s);
    for (const facts of [
      { ...user, canUnshare: false },
      { ...user, hasRange: false },
    ])
      assert.match(namespaceFault(facts) ?? "", /builder: \{ssh: user@host\}/);
  });
});

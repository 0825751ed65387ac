import assert from "node:assert/strict";
import { nameSpaceFault } from "../../../steps/image/install/name-space.ts";

const user = { isRoot: false, user: "ann", canUnshare: true, hasRange: true };

describe("what installing packages needs", () => {
  it("is met for a user with a namespace and a range of IDs, and for root", () => {
    assert.equal(nameSpaceFault(user), undefined);
    assert.equal(nameSpaceFault({ ...user, isRoot: true, hasRange: false }), undefined);
  });

  it("is named if it is missing, with what to do", () => {
    assert.match(
      nameSpaceFault({ ...user, canUnshare: false }) ?? "",
      /may not create a user namespace.* sysctl .* run as root/s,
    );
    assert.match(
      nameSpaceFault({ ...user, hasRange: false }) ?? "",
      /ann has no range .* usermod --add-subuids .* ann\)/s,
    );
    assert.match(nameSpaceFault({ ...user, isRoot: true, canUnshare: false }) ?? "", /container .*--privileged/s);
    for (const facts of [
      { ...user, canUnshare: false },
      { ...user, hasRange: false },
    ])
      assert.match(nameSpaceFault(facts) ?? "", /builder: \{ssh: user@host\}/);
  });
});

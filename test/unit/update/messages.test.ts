import assert from "node:assert/strict";
import { imageText } from "../../../cli/status/images.ts";
import { parseStatus, wantedText } from "../../../steps/update-messages.ts";

describe("what is said about an update", () => {
  const said = "image=server-1\nslot=A\nother=\nattempt=ab12\nstate=failed\ntext=its Nomad has no leader: a=b\n";

  it("by a machine is its image, its slots, and how far it is", () => {
    assert.deepEqual(parseStatus(said), {
      image: "server-1",
      slot: "A",
      other: "",
      attempt: "ab12",
      state: "failed",
      text: "its Nomad has no leader: a=b",
    });
  });

  it("is nothing where it isn't a machine's, or would move the terminal's cursor", () => {
    for (const text of [
      "",
      "{}",
      said.replace("slot=A", "slot=C"),
      said.replace("=failed", "=odd"),
      said.replace("Nomad", "\u001b[2J"),
    ])
      assert.equal(parseStatus(text), undefined, JSON.stringify(text));
  });

  it("to a machine is what it is to have, and where that is", () => {
    const from = { address: "192.168.2.10", port: 8443, path: "00ff", bytes: 42 };
    assert.equal(
      wantedText({ attempt: "ab12", image: "server-2", from }),
      "attempt=ab12\nimage=server-2\naddress=192.168.2.10\nport=8443\npath=00ff\nbytes=42\n",
    );
    assert.match(wantedText({ attempt: "ab12", image: "server-1" }), /^path=$/m);
  });

  it("to a person is whether it is the newest", () => {
    assert.equal(imageText({ running: "server-2", newest: "server-2" }), "newest");
    assert.equal(imageText({ running: "server-1", newest: "server-2" }), "older: server-1");
    assert.equal(imageText({ running: null, newest: "server-2" }), "");
    assert.equal(imageText(null), "");
  });
});

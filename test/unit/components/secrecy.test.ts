import assert from "node:assert/strict";
import { holdsSecret, isSecret, withStandIns } from "../../../components/schema/secrecy.ts";

describe("a secret in the settings", () => {
  const passphrase = ["images", "server", "roles", "wifi", "passphrase"];

  it("is one by its schema, wherever it stands", () => {
    assert.ok(isSecret(passphrase));
    assert.ok(isSecret(["network", "router", "password"]));
    for (const other of [["images"], passphrase.with(4, "ssid"), ["kv", "passphrase"], ["passphrase"], ["a", 0, "b"]])
      assert.ok(!isSecret(other), other.join("."));
  });

  it("may have been written in the place of what holds it", () => {
    for (let length = 1; length <= passphrase.length; length++) assert.ok(holdsSecret(passphrase.slice(0, length)));
    for (const other of [
      ["machines", 0, "mac"],
      ["images", "server", "board"],
      ["images", "server", "roles", "ssh"],
    ])
      assert.ok(!holdsSecret(other), other.join("."));
  });

  it("has a stand-in where it is missing, and only there", () => {
    const filled = (wifi: unknown) => withStandIns({ board: "pi3", roles: { wifi } }, ["images", "server"]) as object;
    const given = { ssid: "home", passphrase: "my own" };
    assert.deepEqual(filled(given), { board: "pi3", roles: { wifi: given } });
    const { roles } = filled({ ssid: "home" }) as { roles: { wifi: object } };
    assert.deepEqual(Object.keys(roles.wifi).sort(), ["passphrase", "ssid"]);
    for (const other of [undefined, null, "text", [1]])
      assert.deepEqual(filled(other), { board: "pi3", roles: { wifi: other } });
  });
});

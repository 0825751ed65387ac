import assert from "node:assert/strict";
import { type Token, type Tokens, tokensOf } from "../../../steps/security/tokens.ts";

/** The bytes from 0 to 31. */
const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const all = ({ consul: { machine, ...consul }, nomad }: Tokens): Token[] => [
  ...Object.values(consul),
  ...Object.values(machine),
  ...Object.values(nomad),
];
const uuids = (tokens: Tokens) => all(tokens).flatMap(({ accessor, secret }) => [accessor, secret]);

describe("a stack's tokens", () => {
  it("are what another program derives from the same secret", () => {
    // `openssl kdf -keylen 16 -kdfopt digest:SHA256 -kdfopt hexkey:0001…1f -kdfopt salt:piinit -kdfopt info:"consul management secret" HKDF`,
    // with the version and the variant put in by hand.
    const { consul, nomad } = tokensOf(secret, ["server"]);
    assert.deepEqual(consul.management, {
      accessor: "e56cb535-646f-87a5-80b5-0ef0ff7fbab4",
      secret: "d7084222-faf0-8b31-b506-1bcf3a451b56",
    });
    assert.equal(consul.machine.server?.secret, "40ff74da-243a-86ae-8dcf-4fe4d004eaba");
    assert.equal(nomad.management.secret, "69dac196-7075-8cd9-aa2e-3caac062a5da");
  });

  it("are UUIDs of version 8, all different", () => {
    const found = uuids(tokensOf(secret, ["server", "monitor"]));
    assert.equal(found.length, 2 * (6 + 2 + 1));
    assert.equal(new Set(found).size, found.length);
    for (const uuid of found)
      assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("are the same whichever images there are, but for one of each image's own", () => {
    const one = tokensOf(secret, ["server"]);
    const two = tokensOf(secret, ["monitor", "server"]);
    assert.deepEqual(two, { ...one, consul: { ...one.consul, machine: two.consul.machine } });
    assert.deepEqual(Object.keys(two.consul.machine), ["monitor", "server"]);
    assert.deepEqual(two.consul.machine.server, one.consul.machine.server);
  });

  it("are others from another secret", () => {
    const other = Buffer.alloc(32, 7).toString("base64");
    const before = new Set(uuids(tokensOf(secret, ["server"])));
    assert.ok(uuids(tokensOf(other, ["server"])).every((uuid) => !before.has(uuid)));
  });

  it("need a whole secret, because anybody could derive them from an empty one", () => {
    for (const [wrong, bytes] of [
      ["", 0],
      [secret.slice(0, 40), 30],
      [`${secret.slice(0, -1)}AA`, 33],
    ] as const)
      assert.throws(() => tokensOf(wrong, []), {
        message: `the stack's secret has ${bytes} bytes and must have 32, in base64`,
      });
    assert.deepEqual(tokensOf(`${secret}\n`, []), tokensOf(secret, []));
  });
});

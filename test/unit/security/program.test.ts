import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";
import type { Authority, Certified } from "../../../steps/security/contract.ts";
import { clientImage, home } from "./stack.ts";

describe("the program of a stack's certificates", function () {
  this.timeout("1m");
  let first: string;

  /** As Pulumi runs it, with the last answer where it updates. */
  const run = (verb: string, input: object, last?: string) =>
    execa("node", ["--import", "tsx", "steps/security/main.ts", verb], {
      cwd: projectDir,
      input: JSON.stringify(input),
      env: { PULUMI_COMMAND_STDOUT: last ?? "" },
      reject: false,
    });
  const answer = async (...args: Parameters<typeof run>) => {
    const { stdout, stderr, exitCode } = await run(...args);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    return stdout;
  };

  before(async () => {
    first = await answer("authority", home);
  });

  it("answers an update of the same generation with the last answer, to the letter", async () => {
    assert.equal(await answer("authority", { ...home, domain: "other.arpa" }, first), first);
  });

  it("makes another authority in another generation, and repeats that one too", async () => {
    const input = { ...home, generation: 2 };
    const second = await answer("authority", input, first);
    const [old, young] = [first, second].map((text): Authority => JSON.parse(text));
    assert.notEqual(young?.secret, old?.secret);
    assert.notEqual(young?.key, old?.key);
    assert.equal(await answer("authority", input, second), second);
  });

  it("makes a certificate by the authority", async () => {
    const authority: Authority = JSON.parse(first);
    const made: Certified = JSON.parse(await answer("certificate", { authority, ...clientImage }));
    const [certificate, issuer] = [made, authority].map((one) => new X509Certificate(one.certificate));
    assert.ok(certificate && issuer && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
    assert.equal(certificate.checkHost("client.global.nomad"), "client.global.nomad");
    assert.equal(certificate.checkHost("server.global.nomad"), undefined);
    assert.ok(made.certificate.endsWith("\n") && made.key.endsWith("\n"));
  });

  it("says what is wrong with an input, without a key in it", async () => {
    const authority: Authority = JSON.parse(first);
    const wrong = { names: ["Server.home.consul"], addresses: ["192.168.2"], commonName: "a/b" };
    const { stdout, stderr, exitCode } = await run("certificate", { authority, ...wrong });
    assert.deepEqual([exitCode, stdout], [1, ""]);
    assert.match(
      stderr,
      /^Invalid input for the security program:\n {2}commonName: must be .*\n {2}names\.0: must be .*\n {2}addresses\.0: /,
    );
    assert.doesNotMatch(stderr, /PRIVATE|^\s+at /m);
  });
});

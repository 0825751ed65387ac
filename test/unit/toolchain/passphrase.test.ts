import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { configDir } from "../../../lib/paths.ts";
import { findPassphrase, isPassphraseOf, readPassphrase } from "../../../toolchain/passphrase.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

describe("the passphrase of the stacks' secrets", function () {
  this.timeout("20s");
  let scratch: Scratch;
  before(async () => {
    scratch = await makeScratch();
  });
  after(() => scratch.remove());

  it("is read where Pulumi reads it, and in that order", async () => {
    const file = path.join(scratch.dir, "passphrase");
    await writeFile(file, " of a file \n");
    assert.equal(await readPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: file }), "of a file");
    const both = { PULUMI_CONFIG_PASSPHRASE: " as it is ", PULUMI_CONFIG_PASSPHRASE_FILE: file };
    assert.equal(await readPassphrase(both), " as it is ");
    assert.equal(await readPassphrase({ PULUMI_CONFIG_PASSPHRASE: "" }), "");
    const missing = readPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: `${file}-missing` });
    await assert.rejects(
      missing,
      (error) => error instanceof UserError && /ENOENT.*Copy .*-missing/.test(error.message),
    );
  });

  it("is made where there is none, also for a shell that was told its file before", async () => {
    const own = configDir("passphrase");
    const named = { PULUMI_CONFIG_PASSPHRASE_FILE: own };
    assert.equal((await findPassphrase(named)).file, own);
    assert.deepEqual(await findPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: `${own}-of-mine` }), { exists: true });
  });

  it("is told from another one by the salt that Pulumi writes into a stack's file", async () => {
    // Made by `pulumi stack init`.
    const salt = "v1:mVuGp2pNbXg=:v1:PTiTsVAtNG4veZGo:6oACConTh7Bq7w1hJRLKhEvg+hF8+g==";
    assert.equal(await isPassphraseOf(salt, "only for tests"), true);
    assert.equal(await isPassphraseOf(salt, "another"), false);
    for (const other of ["", "v1:", "v2:a:b:c:d"]) assert.equal(await isPassphraseOf(other, "only for tests"), false);
  });
});

import assert from "node:assert/strict";
import { eventually, minutes } from "../e2e/asking.ts";
import { type Checkout, makeCheckout, succeeded } from "../e2e/checkout.ts";
import { isWhole, questionsTo } from "../e2e/lab-home.ts";
import { watchLeaders } from "../e2e/leaders.ts";
import { lastOpenCommit, putVersion } from "../e2e/versions.ts";

const longest = ({ consul, nomad }: { consul: number; nomad: number }) =>
  `without a leader: Consul ${consul.toFixed(1)} s, Nomad ${nomad.toFixed(1)} s`;

/** Each test goes on from where the one before it left the cluster. */
describe("a lab of before there were certificates", function () {
  this.timeout(35 * minutes);
  this.bail(true);
  let home: Checkout;

  before(async function () {
    const commit = await lastOpenCommit();
    if (commit === undefined) return this.skip();
    home = await makeCheckout();
    await putVersion(home, commit);
    succeeded(await home.piinit("up"));
  });
  after(async () => {
    await home?.piinit("destroy");
    home?.remove();
  });

  const { ask, status, labList, consulUrl, nomadUrl, keyValue, page } = questionsTo(() => home);
  const variable = JSON.stringify({ Path: "app/own", Items: { word: "by hand" } });

  it("keeps its keys, variables and jobs when one up gives it certificates and tokens", async () => {
    const { ports } = (await labList()).find(({ name }) => name === "pi1") ?? assert.fail();
    const inTheClear = async (port: number | undefined, path: string, body: string) =>
      assert.ok((await fetch(`http://127.0.0.1:${port}${path}`, { method: "PUT", body })).ok, path);
    await inTheClear(ports?.consul, "/v1/kv/app/own", "by hand");
    await inTheClear(ports?.nomad, "/v1/var/app/own", variable);
    await putVersion(home);
    // As for a home, whose cards come first.
    succeeded(await home.piinit("build", "server"));
    const stop = watchLeaders(await labList());
    succeeded(await home.piinit("up"));
    process.stdout.write(`      ${longest(await stop())}\n`);
    await eventually("the whole cluster", status, isWhole);
    assert.equal(await keyValue("app/own"), "by hand");
    assert.match((await ask(`${await nomadUrl()}/v1/var/app/own`)).text, /by hand/);
    await eventually("the page", page, (text) => text.includes("Hello from the cluster"));
    assert.equal((await fetch(`${(await consulUrl()).replace("https", "http")}/v1/agent/self`)).status, 400);
    succeeded(await home.pulumi("pulumi preview --stack lab --expect-no-changes"));
  });

  it("keeps them when rotate makes everything secret anew, and refuses what opened it before", async () => {
    const before = await home.json<Record<string, string>>("env");
    const stop = watchLeaders(await labList());
    succeeded(await home.piinit("rotate", "--yes"));
    process.stdout.write(`      ${longest(await stop())}\n`);
    await eventually("the whole cluster", status, isWhole);
    // What asked before has the old tokens.
    const now = questionsTo(() => home);
    assert.equal(await now.keyValue("app/own"), "by hand");
    assert.match((await now.ask(`${await now.nomadUrl()}/v1/var/app/own`)).text, /by hand/);
    await eventually("the page", now.page, (text) => text.includes("Hello from the cluster"));
    for (const [url, token] of [
      [`${await now.consulUrl()}/v1/acl/token/self`, before.CONSUL_HTTP_TOKEN],
      [`${await now.nomadUrl()}/v1/acl/token/self`, before.NOMAD_TOKEN],
    ])
      assert.equal((await now.ask(url ?? "", { token: token ?? "" })).status, 403, url);
    succeeded(await home.pulumi("pulumi preview --stack lab --expect-no-changes"));
  });
});

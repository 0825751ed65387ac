import assert from "node:assert/strict";
import { type Agent, startConsul } from "../agents.ts";
import { freePort } from "../ports.ts";
import { createProject, type Project } from "../project.ts";

describe("the stand-in for consul, under the real engine with a real Consul", function () {
  this.timeout(120_000);
  let consul: Agent;
  let project: Project;

  before(async () => {
    consul = await startConsul();
    project = await createProject();
  });
  after(async () => {
    await project?.remove();
    await consul?.stop();
  });

  /** A program with one Keys resource; its keys are the source of an array literal. */
  const keys = (list: string, options = "{}") =>
    project.program(`
      import * as pulumi from "@pulumi/pulumi";
      import * as consul from "@pulumi/consul";
      const provider = new consul.Provider("consul", { address: "${new URL(consul.url).host}" });
      const keys = new consul.Keys("it", { keys: ${list} }, { provider, ...${options} });
      export const variables = keys.var;
    `);

  const kv = (path: string) => `${consul.url}/v1/kv/${path}`;
  const put = (path: string, body: string) => fetch(kv(path), { method: "PUT", body });

  async function get(path: string): Promise<string | undefined> {
    const response = await fetch(`${kv(path)}?raw`);
    return response.ok ? response.text() : undefined;
  }

  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output } = await project.pulumi(...args, "--yes", "--skip-preview");
    assert.equal(exitCode, 0, output);
    return output;
  }

  it("writes keys, reads others, and leaves strangers alone", async () => {
    await put("app/stranger", "mine");
    await keys(`[
      { path: "app/colour", value: "green", delete: true, flags: 7, name: "colour" },
      { path: "app/with spaces/ö", value: "lines\\nof text", delete: true },
      { path: "app/stays", value: "for ever" },
      { path: "app/stranger", name: "theirs" },
      { path: "app/missing", default: "nothing", name: "missing" },
    ]`);
    await succeeds("up");
    assert.equal(await get("app/colour"), "green");
    assert.equal(await get("app/with%20spaces/%C3%B6"), "lines\nof text");
    const [entry] = (await (await fetch(kv("app/colour"))).json()) as { Flags: number }[];
    assert.equal(entry?.Flags, 7);
    const [resource] = await project.resources();
    assert.equal(resource?.id, "consul");
    assert.equal(resource?.outputs?.datacenter, "dc1");
    assert.deepEqual(resource?.outputs?.var, { colour: "green", theirs: "mine", missing: "nothing" });
  });

  it("sees no change when nothing has changed, nor in the order of the keys", async () => {
    await keys(`[
      { path: "app/stranger", name: "theirs" },
      { path: "app/missing", default: "nothing", name: "missing" },
      { path: "app/stays", value: "for ever" },
      { path: "app/with spaces/ö", value: "lines\\nof text", delete: true },
      { path: "app/colour", value: "green", delete: true, flags: 7, name: "colour" },
    ]`);
    assert.match(await succeeds("up"), /3 unchanged/);
  });

  it("changes a value in place and removes what was dropped, if it was to be deleted", async () => {
    await keys(`[{ path: "app/colour", value: "blue", delete: true }]`);
    assert.match(await succeeds("up"), /1 updated/);
    assert.equal(await get("app/colour"), "blue");
    assert.equal(await get("app/with%20spaces/%C3%B6"), undefined);
    assert.equal(await get("app/stays"), "for ever");
    assert.equal(await get("app/stranger"), "mine");
  });

  it("sees a strange change on refresh and undoes it", async () => {
    await put("app/colour", "red");
    await succeeds("refresh");
    const [resource] = await project.resources();
    const given = { path: "app/colour", value: "red", delete: true };
    assert.deepEqual(resource?.inputs?.keys, [given]);
    assert.deepEqual(resource?.outputs?.keys, [{ ...given, default: "", flags: 0, name: "" }]);
    assert.match(await succeeds("up"), /1 updated/);
    assert.equal(await get("app/colour"), "blue");
  });

  it("writes a key again that somebody has removed", async () => {
    await fetch(kv("app/colour"), { method: "DELETE" });
    await succeeds("up", "--refresh");
    assert.equal(await get("app/colour"), "blue");
  });

  it("keeps a secret value encrypted in the state, among the variables where the program asks for it", async () => {
    const list = `[{ path: "app/colour", value: pulumi.secret("opensesame"), delete: true, name: "colour" }]`;
    await keys(list, `{ additionalSecretOutputs: ["var"] }`);
    const output = await succeeds("up", "--refresh");
    assert.equal(await get("app/colour"), "opensesame");
    assert.doesNotMatch(output + (await project.state()), /opensesame/);
  });

  it("writes an empty value, also in place of another", async () => {
    await keys(`[{ path: "app/colour", value: "blue", delete: true }, { path: "app/empty", value: "", delete: true }]`);
    await succeeds("up");
    assert.equal(await get("app/empty"), "");
    await keys(`[{ path: "app/colour", value: "", delete: true }]`);
    await succeeds("up");
    assert.equal(await get("app/colour"), "");
    assert.equal(await get("app/empty"), undefined);
    assert.match(await succeeds("up"), /3 unchanged/);
  });

  it("takes a value that it couldn't write for written, and then writes nothing", async () => {
    await keys(`[{ path: "app/colour", value: "pink", delete: true }]`);
    const silent = await project.source();
    await project.program(silent.replace(new URL(consul.url).host, `127.0.0.1:${await freePort()}`));
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    assert.match(
      output,
      /failed to write Consul key 'app\/colour': Put "[^"]+": dial tcp [^ ]+: connect: connection ref/,
    );
    await project.program(silent);
    assert.match(await succeeds("up"), /Keys it updated/);
    assert.equal(await get("app/colour"), "");
    await succeeds("up");
    assert.equal(await get("app/colour"), "pink");
  });

  /** Runs a program with a resource that can't be made, beside the one that is there. */
  async function upFails(address: string, resource: string): Promise<string> {
    await project.program(`
      import * as consul from "@pulumi/consul";
      const provider = new consul.Provider("other", { address: "${address}" });
      ${resource}
    `);
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    return output;
  }

  it("refuses what it doesn't do, by name", async () => {
    const { host } = new URL(consul.url);
    const namespace = await upFails(host, `new consul.Keys("other", { namespace: "n" }, { provider });`);
    assert.match(namespace, /the offline stand-in for consul\.Keys does not do `namespace`/);
    const node = await upFails(host, `new consul.Node("other", { address: "127.0.0.1" }, { provider });`);
    assert.match(node, /the offline stand-in for consul does not do `consul:index\/node:Node`/);
  });

  it("says who doesn't answer", async () => {
    const port = await freePort();
    const output = await upFails(`127.0.0.1:${port}`, `new consul.Keys("other", { keys: [] }, { provider });`);
    assert.match(output, /Get "http:[^"]+\/v1\/agent\/self": dial tcp 127\.0\.0\.1:\d+: connect: connection refused/);
  });

  it("removes on destroy what is to be deleted, and nothing else", async () => {
    await succeeds("destroy");
    assert.equal(await get("app/colour"), undefined);
    assert.equal(await get("app/stays"), "for ever");
    assert.equal(await get("app/stranger"), "mine");
  });
});

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { baseUrl, changes, consulKeys } from "../../../../toolchain/offline/consul-keys.ts";
import { localCommand, shellCommand } from "../../../../toolchain/offline/local-command.ts";
import { runnerArguments, splitWords } from "../../../../toolchain/offline/node-arguments.ts";
import { nomadJob } from "../../../../toolchain/offline/nomad-job.ts";
import { undeclared, variableFile } from "../../../../toolchain/offline/nomad-vars.ts";
import { PartialFailure } from "../../../../toolchain/offline/provider.ts";
import { secret, unknown, type Value } from "../../../../toolchain/offline/values.ts";

describe("the Node.js language host's arguments", () => {
  it("are split as a shell splits words", () => {
    assert.deepEqual(splitWords("--import tsx"), ["--import", "tsx"]);
    assert.deepEqual(splitWords(`  a 'b c' "d \\"e\\"" f\\ g h'i'"j" `), ["a", "b c", 'd "e"', "f g", "hij"]);
    assert.deepEqual(splitWords(""), []);
  });

  it("leave out what is not set", () => {
    const options = { monitor: "127.0.0.1:1", organization: "", "dry-run": true, other: undefined, no: false };
    assert.deepEqual(runnerArguments(options), ["--monitor", "127.0.0.1:1", "--dry-run"]);
  });
});

describe("the stand-in's Command", () => {
  it("has the official defaults, and doesn't store them", async () => {
    assert.deepEqual(localCommand.check({ create: "true" }), { inputs: { create: "true" }, faults: [] });
    const stored = { id: "a", inputs: { create: "true", addPreviousOutputInEnv: true }, outputs: {} };
    const context = { settings: {}, log() {}, signal: AbortSignal.abort(), preview: false };
    assert.deepEqual((await localCommand.diff(stored, { create: "true" }, context)).changed, []);
    assert.deepEqual(shellCommand("true", {}, { stdout: "before", stderr: "" }), {
      command: "true",
      interpreter: ["/bin/sh", "-c"],
      dir: undefined,
      stdin: undefined,
      environment: { PULUMI_COMMAND_STDOUT: "before" },
    });
  });

  it("passes no previous output when it isn't wanted", () => {
    const { environment } = shellCommand("true", { addPreviousOutputInEnv: false }, { stdout: "before" });
    assert.deepEqual(environment, {});
  });

  it("refuses inputs that it doesn't know, and takes a logging mode that a preview doesn't know", () => {
    const { faults } = localCommand.check({ archivePaths: ["x"], logging: unknown });
    assert.deepEqual(
      faults.map(({ property }) => property),
      ["archivePaths"],
    );
  });
});

describe("the stand-in's Keys", () => {
  const key = (path: string, value: string, more = {}) => ({
    ...{ path, value, default: "", flags: 0, delete: true, name: "", ...more },
  });

  it("write what is new or changed and remove what was dropped, but for keys that stay", () => {
    const olds = [key("same", "1"), key("changed", "1"), key("dropped", "1"), key("kept", "1", { delete: false })];
    const { added, removed } = changes(olds, [key("changed", "2"), key("same", "1"), key("new", "1")]);
    assert.deepEqual(
      added.map(({ path }) => path),
      ["changed", "new"],
    );
    assert.deepEqual(
      removed.map(({ path }) => path),
      ["dropped"],
    );
  });

  it("store their inputs as they are given", () => {
    const keys = [{ path: "a", value: secret("b") }];
    assert.deepEqual(consulKeys.check({ keys }), { inputs: { keys }, faults: [] });
  });

  it("are compared with what was found, whichever defaults are stored", async () => {
    const context = { settings: {}, log() {}, signal: AbortSignal.abort(), preview: false };
    const changed = async (stored: Value, wished: Value) => {
      const outputs = { keys: [stored] };
      const { changed } = await consulKeys.diff({ id: "consul", inputs: {}, outputs }, { keys: [wished] }, context);
      return changed;
    };
    const wished = { path: "a", value: "b", delete: true };
    assert.deepEqual(await changed(key("a", "b"), wished), []);
    assert.deepEqual(await changed(wished, { ...wished, flags: 0, name: "" }), []);
    assert.deepEqual(await changed(key("a", "c"), wished), ["keys"]);
    assert.deepEqual(await changed(secret(key("a", "b")), { ...wished, value: secret("b") }), []);
  });

  it("refuse a key without a path and unknown properties, and take keys that a preview doesn't know", () => {
    const { faults } = consulKeys.check({ keys: [{ value: "b", cas: 1 }, unknown], partition: "p" });
    assert.deepEqual(
      faults.map(({ reason }) => /`(\w+)`/.exec(reason)?.[1]),
      ["partition", "cas", "path"],
    );
    assert.deepEqual(consulKeys.check({ keys: unknown }).faults, []);
  });

  it("take the agent's address as a URL or as host and port", () => {
    assert.equal(baseUrl({ address: "127.0.0.1:8500" }), "http://127.0.0.1:8500");
    assert.equal(baseUrl({ address: "127.0.0.1:8501", scheme: "https" }), "https://127.0.0.1:8501");
    assert.equal(baseUrl({ address: "http://127.0.0.1:8500" }), "http://127.0.0.1:8500");
  });
});

describe("the stand-in's Job", () => {
  it("quotes variables so that HCL reads them as they are", () => {
    const dollar = "$";
    const file = (value: string, declaration = "") => variableFile(`variable "a" {${declaration}}`, { a: value });
    const quoted = `a = "\\"x\\" ${dollar}${dollar}{y} %%{z}\\n"\n`;
    assert.equal(file(`"x" ${dollar}{y} %{z}\n`), quoted);
    for (const type of ["string", "number", "bool", "any"]) assert.equal(file("1", ` type = ${type} `), 'a = "1"\n');
  });

  it("takes a variable that is declared as a list, a map or an object for an expression", () => {
    for (const type of ["list(string)", "set(number)", "map(any)", "object({ b = string })", "tuple([bool])"]) {
      const jobspec = `variable "a" {\n  default = { type = "string" } # "\n  type    = ${type}\n}\nvariable "b" { type = string }`;
      assert.equal(variableFile(jobspec, { a: '["x"]', b: "y" }), 'a = ["x"]\nb = "y"\n');
    }
  });

  it("knows which variables the job file doesn't declare", () => {
    const jobspec = 'variable "a" {\n}\n  variable b {}\n# variable "c" {}';
    assert.deepEqual(undeclared(jobspec, ["a", "b", "c", "d("]), ["c", "d("]);
  });

  it("refuses options that it doesn't do, but takes their defaults", () => {
    const jobspec = 'job "a" {}';
    const refused = nomadJob.check({
      jobspec,
      json: true,
      deregisterOnIdChange: false,
      detach: false,
      hcl2: { allowFs: true },
    });
    assert.deepEqual(
      refused.faults.map(({ property }) => property),
      ["deregisterOnIdChange", "detach", "json", "hcl2.allowFs"],
    );
    assert.deepEqual(nomadJob.check({ jobspec, json: false, hcl2: { allowFs: false } }).faults, []);
  });

  it("refuses a missing job file, and takes one that a preview doesn't know", () => {
    assert.equal(nomadJob.check({}).faults[0]?.property, "jobspec");
    assert.deepEqual(nomadJob.check({ jobspec: unknown, hcl2: { vars: { a: "1" } } }).faults, []);
  });

  it("stores the official defaults and keeps a variable's secrecy", () => {
    const { inputs } = nomadJob.check({ jobspec: 'job "a" {}', hcl2: { vars: { a: secret("1") } } });
    assert.deepEqual(inputs, {
      jobspec: 'job "a" {}',
      hcl2: { allowFs: false, vars: { a: secret("1") } },
      deregisterOnDestroy: true,
      deregisterOnIdChange: true,
      detach: true,
      preserveCounts: false,
      rerunIfDead: false,
    });
  });

  it("counts another file as a change when Nomad can't be asked, without failing", async () => {
    const inputs = { jobspec: 'job "a" {}' };
    const context = {
      settings: { address: "http://127.0.0.1:1" },
      log() {},
      signal: AbortSignal.abort(),
      preview: true,
    };
    const stored = { id: "a", inputs, outputs: {} };
    const { inputs: news } = nomadJob.check({ jobspec: 'job  "a" {}' });
    const diff = await nomadJob.diff(stored, news, context);
    assert.deepEqual(diff, { changed: ["jobspec"], replaced: [] });
    const unchanged = nomadJob.check(inputs).inputs;
    assert.deepEqual(await nomadJob.diff(stored, unchanged, context), { changed: [], replaced: [] });
  });

  it("keeps a job that was registered as a failure when Nomad then doesn't tell about it", async () => {
    const answers: Record<string, unknown> = {
      "/v1/jobs/parse": { ID: "a", Type: "service" },
      "/v1/jobs": { JobModifyIndex: 7 },
    };
    const nomad = createServer((request, response) => {
      const answer = answers[(request.url ?? "").split("?")[0] ?? ""];
      if (answer) response.end(JSON.stringify(answer));
      else response.writeHead(500).end("No cluster leader");
    });
    await new Promise<void>((resolve) => nomad.listen(0, "127.0.0.1", resolve));
    try {
      const address = `http://127.0.0.1:${(nomad.address() as { port: number }).port}`;
      const context = { settings: { address }, log() {}, signal: new AbortController().signal, preview: false };
      await assert.rejects(nomadJob.create("a", { jobspec: 'job "a" {}' }, context), (error) => {
        assert.ok(error instanceof PartialFailure);
        assert.equal(error.id, "a");
        assert.equal(error.outputs.modifyIndex, "7");
        assert.equal(error.message, "error checking for job: Unexpected response code: 500 (No cluster leader)");
        return true;
      });
    } finally {
      nomad.closeAllConnections();
      nomad.close();
    }
  });
});

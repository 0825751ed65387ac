import assert from "node:assert/strict";
import { createServer } from "node:http";
import { baseUrl, changes, consulKeys } from "../../../../toolchain/offline/consul-keys.ts";
import { localCommand, shellCommand } from "../../../../toolchain/offline/local-command.ts";
import { runnerArguments, splitWords } from "../../../../toolchain/offline/node-arguments.ts";
import { variableFile } from "../../../../toolchain/offline/nomad-api.ts";
import { nomadJob } from "../../../../toolchain/offline/nomad-job.ts";
import { PartialFailure } from "../../../../toolchain/offline/provider.ts";
import { secret, unknown } from "../../../../toolchain/offline/values.ts";

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
  it("fills in the official defaults", () => {
    assert.deepEqual(localCommand.check({ create: "true" }), {
      inputs: { create: "true", addPreviousOutputInEnv: true },
      faults: [],
    });
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
  const key = (path: string, value: string, more = {}) => ({ path, value, flags: 0, delete: true, ...more });

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

  it("keep the secrecy of a value when they fill in defaults", () => {
    const { inputs } = consulKeys.check({ keys: [{ path: "a", value: secret("b") }] });
    assert.deepEqual(inputs.keys, [{ path: "a", value: secret("b"), flags: 0, delete: false }]);
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
    assert.equal(variableFile({ a: `"x" ${dollar}{y} %{z}\n` }), `a = "\\"x\\" ${dollar}${dollar}{y} %%{z}\\n"\n`);
  });

  it("refuses options that it doesn't do, but takes their defaults", () => {
    const jobspec = 'job "a" {}';
    const refused = nomadJob.check({ jobspec, json: true, deregisterOnIdChange: false, hcl2: { allowFs: true } });
    assert.deepEqual(
      refused.faults.map(({ property }) => property),
      ["deregisterOnIdChange", "json", "hcl2.allowFs"],
    );
    assert.deepEqual(nomadJob.check({ jobspec, json: false, hcl2: { allowFs: false } }).faults, []);
  });

  it("refuses a variable that the job file doesn't declare, and a missing job file", () => {
    const { faults } = nomadJob.check({ jobspec: 'variable "a" {\n}', hcl2: { vars: { a: "1", b: "2" } } });
    assert.deepEqual(
      faults.map(({ property }) => property),
      ["hcl2.vars.b"],
    );
    assert.equal(nomadJob.check({}).faults[0]?.property, "jobspec");
    assert.deepEqual(nomadJob.check({ jobspec: unknown, hcl2: { vars: { a: "1" } } }).faults, []);
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
    const diff = await nomadJob.diff(stored, { jobspec: 'job  "a" {}' }, context);
    assert.deepEqual(diff, { changed: ["jobspec"], replaced: [] });
    assert.deepEqual(await nomadJob.diff(stored, inputs, context), { changed: [], replaced: [] });
  });

  it("keeps a job as a failure when its evaluation takes longer than it may", async () => {
    const answers: Record<string, unknown> = {
      "/v1/jobs/parse": { ID: "a" },
      "/v1/jobs": { EvalID: "e" },
      "/v1/job/a": { ID: "a" },
    };
    const nomad = createServer((request, response) => {
      const answer = answers[(request.url ?? "").split("?")[0] ?? ""];
      if (answer) response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => nomad.listen(0, "127.0.0.1", resolve));
    try {
      const address = `http://127.0.0.1:${(nomad.address() as { port: number }).port}`;
      const signal = new AbortController().signal;
      const context = { settings: { address }, log() {}, signal, preview: false, timeoutSeconds: 0.2 };
      const created = nomadJob.create("a", { jobspec: 'job "a" {}', detach: false }, context);
      await assert.rejects(created, (error) => {
        assert.ok(error instanceof PartialFailure);
        assert.equal(error.id, "a");
        assert.match(error.message, /^error waiting for job 'a' .*: timeout after 0.2 s: the job is being scheduled$/);
        return true;
      });
    } finally {
      nomad.closeAllConnections();
      nomad.close();
    }
  });
});

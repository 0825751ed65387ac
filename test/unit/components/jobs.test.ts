import assert from "node:assert/strict";
import { readJobs } from "../../../components/jobs.ts";

describe("a stack's jobs", () => {
  it("are refused, all at once, where a file is missing or doesn't declare a variable", () => {
    const page = { file: "jobs/page.nomad.hcl", vars: { datacenters: '["dc1"]', wrod: "hello" } };
    const jobs = { page, other: { file: "jobs/other.nomad.hcl", vars: {} } };
    assert.throws(() => readJobs(jobs), {
      name: "UserError",
      message: [
        "piinit:jobs.page.vars.wrod  jobs/page.nomad.hcl declares no variable wrod",
        "piinit:jobs.other.file  there is no file jobs/other.nomad.hcl",
      ].join("\n"),
    });
  });

  it("are read with the values of their variables", () => {
    const { page } = readJobs({ page: { file: "jobs/page.nomad.hcl", vars: { port: "80" } } });
    assert.match(page?.jobspec ?? "", /^job "page" \{$/m);
    assert.deepEqual(Object.keys(page?.vars ?? {}), ["port"]);
  });
});

import assert from "node:assert/strict";
import { readJobs } from "../../../components/jobs.ts";

describe("a stack's jobs", () => {
  it("are refused, all at once, where a file is missing or doesn't declare a variable", () => {
    const page = { file: "jobs/page.nomad.hcl", vars: { datacenters: '["dc1"]', prot: "80" }, secrets: {} };
    const jobs = { page, other: { file: "jobs/other.nomad.hcl", vars: {}, secrets: {} } };
    assert.throws(() => readJobs(jobs), {
      name: "UserError",
      message: [
        "The jobs' files can't be used:",
        "  piinit:jobs.page.vars.prot  is unknown: the job's file declares no such variable; did you mean `port`?",
        "  piinit:jobs.other.file  jobs/other.nomad.hcl must be a file: there is none of this name",
      ].join("\n"),
    });
  });

  it("are read with the values of their variables", () => {
    const { page } = readJobs({ page: { file: "jobs/page.nomad.hcl", vars: { port: "80" }, secrets: {} } });
    assert.match(page?.jobspec ?? "", /^job "page" \{$/m);
    assert.deepEqual(Object.keys(page?.vars ?? {}), ["port"]);
  });
});

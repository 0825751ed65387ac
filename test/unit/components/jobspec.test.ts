import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { hclExpression, readJobspec } from "../../../components/jobspec.ts";
import { projectDir } from "../../../lib/paths.ts";

/** In HCL, the beginning of an expression in a text. */
const open = "$" + "{";

describe("a job's file", () => {
  it("has the job's name, as the examples have theirs", () => {
    for (const name of ["page", "heartbeat"]) {
      const text = readFileSync(path.join(projectDir, "jobs", `${name}.nomad.hcl`), "utf8");
      assert.deepEqual(readJobspec(text), { name, fileFunctions: [], lacksIdentity: false });
    }
  });

  const named: [string, string, string | undefined][] = [
    ["in quotes", 'job "api" {}', "api"],
    ["bare", "job api\n{}", "api"],
    ["behind other blocks", 'variable "job" { default = { job = "x" } }\njob "api" {}', "api"],
    ["not in comments", '# job "a" {\n// job "b" {\n/* job "c" {\n} */ job "api" {}', "api"],
    ["not in texts", `locals { a = "job \\"x\\" {" b = "${open}join("}", ["{"])}" }\njob "api" {}`, "api"],
    ["not in here-documents", 'locals {\n  a = <<-END\n  }\n  job "x" {\n  END\n}\njob "api" {}', "api"],
    ["not of inner blocks", 'other "x" { job "y" {} }', undefined],
    ["none in an empty file", "", undefined],
    ["none in what is no HCL", '"\n}}}${{ <<X', undefined],
  ];
  for (const [where, text, name] of named)
    it(`has its name ${where}`, () => assert.equal(readJobspec(text).name, name));

  const reads = 'template { data = "{{ keyOrDefault \\"a\\" \\"b\\" }}" }';
  const tasks: [string, string, boolean][] = [
    ["reads a key and has no identity", reads, true],
    [
      "reads services and has no identity",
      'template {\n data = <<END\n{{- range service "db" }}{{ end }}\nEND\n}',
      true,
    ],
    ["runs Consul's commands and has no identity", 'config { args = ["consul kv get a"] }', true],
    ["has an identity", `consul {}\n${reads}`, false],
    ["has an identity in another cluster", `consul "default" {\n}\n${reads}`, false],
    ["speaks of identities only in a comment", `# consul {}\n${reads}`, true],
    ["asks Nomad alone", 'template { data = "{{ env \\"node.unique.name\\" }}{{ nomadVar \\"a\\" }}" }', false],
    ["sets a value that is called consul", `env { consul = "x" }\n${reads}`, true],
  ];
  for (const [what, task, lacks] of tasks)
    it(`${what}`, () =>
      assert.equal(readJobspec(`job "a" { group "g" { task "t" { ${task} } } }`).lacksIdentity, lacks));

  it("calls functions that read files, in code and in texts", () => {
    const text = [
      'job "api" {',
      '  a = file("x") # fileset("y")',
      `  b = "${open}upper(pathexpand ("~"))} $${open}abspath("z")} file(1)"`,
      "  data = <<END",
      `{{ file "x" }} basename("x") ${open}fileexists("x")}`,
      "END",
      "  profile = dirname",
      "}",
    ].join("\n");
    assert.deepEqual(readJobspec(text).fileFunctions, ["file", "pathexpand", "fileexists"]);
  });
});

describe("a list or a map as a variable", () => {
  it("is the HCL expression that says the same", () => {
    assert.equal(hclExpression(["dc1", 2, true, null, { a: "b" }]), '["dc1",2,true,null,{"a":"b"}]');
    assert.equal(hclExpression([`${open}x} %{y}`, "a\bc\\b"]), `["$${open}x} %%{y}","a\\u0008c\\\\b"]`);
  });
});

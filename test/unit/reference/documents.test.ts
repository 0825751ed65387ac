import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { z } from "zod";
import { partsOf, type Shape, settingsShape } from "../../../components/schema/json-schema.ts";
import { projectDir } from "../../../lib/paths.ts";
import { documents } from "../../../reference/documents.ts";
import { stackFileSchema } from "../../../reference/editor.ts";

const schemaOf = (shape: object) => z.fromJSONSchema(shape as Parameters<typeof z.fromJSONSchema>[0]);
const textOf = (file: string) => readFileSync(path.join(projectDir, file), "utf8");

describe("the documents that are made from the code", () => {
  it("are up to date (npm run docs writes them)", async () => {
    for (const [file, text] of await documents()) assert.equal(textOf(file), text, file);
  });
});

describe("every setting", () => {
  const settings: [string, Shape][] = [];
  const collect = (shape: Shape, at: string) => {
    for (const [key, part] of partsOf(shape)) {
      settings.push([`${at}.${key}`, part]);
      collect(part, `${at}.${key}`);
    }
  };
  collect(settingsShape(), "");
  const isLeaf = (shape: Shape) => partsOf(shape).every(([, part]) => part.type === "string" && !part.description);

  it("that isn't only an item of a list or a map says what it is", () => {
    const silent = settings.filter(([at, { description }]) => !at.endsWith("*") && !description);
    assert.deepEqual(
      silent.map(([at]) => at),
      [],
    );
  });

  it("without parts has an example that can be used, unless it is a matter of yes or no", () => {
    for (const [at, shape] of settings) {
      if (!isLeaf(shape) || shape.type === "boolean" || "const" in shape || at.endsWith("*")) continue;
      assert.notEqual(shape.example, undefined, at);
    }
    const { $schema, definitions } = settingsShape();
    for (const [at, shape] of settings) {
      if (shape.example === undefined) continue;
      assert.ok(schemaOf({ ...shape, $schema, definitions }).safeParse(shape.example).success, at);
    }
  });
});

describe("the schema for editors", () => {
  const schema = schemaOf(stackFileSchema(settingsShape()));
  const stacks = readdirSync(path.join(projectDir, "stacks")).filter((file) => file.endsWith(".yaml"));
  const lab = () => parse(textOf("stacks/Pulumi.lab.yaml")) as { config: Record<string, unknown> };
  const isFine = (change: (config: Record<string, unknown>, file: Record<string, unknown>) => void) => {
    const file = lab();
    change(file.config, file);
    return schema.safeParse(file).success;
  };

  it("is named in the first line of every stack's file", () => {
    for (const file of stacks)
      assert.match(textOf(`stacks/${file}`), /^# yaml-language-server: \$schema=schema\.json\n/, file);
  });

  it("takes the stacks that come with the project, but for the secret that the home still lacks", () => {
    assert.ok(schema.safeParse(lab()).success);
    const home = parse(textOf("stacks/Pulumi.example.yaml"));
    assert.ok(!schema.safeParse(home).success);
    home.config["piinit:images"].monitor.roles.wifi.passphrase = { secure: "v1:abc" };
    assert.ok(schema.safeParse(home).success);
  });

  it("takes what others keep in the file, and Pulumi's form of a secret where one may be", () => {
    assert.ok(isFine((config, file) => Object.assign(file, { encryptionsalt: "v1:x" }, { a: config })));
    assert.ok(isFine((config) => Object.assign(config, { "aws:region": "x" })));
    assert.ok(isFine((config) => Object.assign(config, { "piinit:kv": { a: { secure: "v1:x" }, b: 1 } })));
    assert.ok(isFine((config) => Object.assign(config, { "piinit:wait": "5m" })));
  });

  it("refuses what the program refuses", () => {
    assert.ok(!isFine((config) => Object.assign(config, { "piinit:colour": "red" })));
    assert.ok(!isFine((config) => Object.assign(config, { "piinit:wait": "soon" })));
    assert.ok(!isFine((config) => Object.assign(config, { "piinit:wait": { secure: "v1:x" } })));
    assert.ok(!isFine((config) => Object.assign(config, { "piinit:images": { server: { board: "pi9", roles: {} } } })));
    assert.ok(!isFine((config) => delete config["piinit:machines"]));
  });
});

describe("the stacks that come with the project", () => {
  it("have no passphrase yet", async () => {
    for (const file of ["Pulumi.lab.yaml", "Pulumi.example.yaml"]) {
      const { stdout } = await execa("git", ["show", `:stacks/${file}`], { cwd: projectDir });
      assert.doesNotMatch(stdout, /^encryptionsalt:/m, file);
    }
  });
});

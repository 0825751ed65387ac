import assert from "node:assert/strict";
import { access, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { findProcess } from "../../../lib/process.ts";
import { processesBelow, until } from "../agents.ts";
import { createProject, type Outcome, type Project } from "../project.ts";

describe("the stand-in for command, under the real engine", function () {
  this.timeout(120_000);
  let project: Project;

  before(async () => {
    project = await createProject();
  });
  after(() => project?.remove());

  const file = (name: string) => path.join(project.dir, name);
  const text = (name: string) => readFile(file(name), "utf8");
  const exists = (name: string) =>
    access(file(name)).then(
      () => true,
      () => false,
    );

  /** A program with one command; its arguments are the source of an object literal. */
  const command = (args: string, options = "{}") =>
    project.program(`
      import * as pulumi from "@pulumi/pulumi";
      import { local } from "@pulumi/command";
      const command = new local.Command("it", ${args}, ${options});
      export const stdout = command.stdout;
    `);

  async function upSucceeds(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.equal(exitCode, 0, output);
    return output;
  }

  async function upFails(): Promise<string> {
    const { exitCode, output } = await project.up();
    assert.notEqual(exitCode, 0, output);
    return output;
  }

  async function only() {
    const resources = await project.resources();
    assert.equal(resources.length, 1);
    return resources[0] ?? assert.fail();
  }

  const summary = ({ output }: Outcome) => output.slice(output.indexOf("Resources:"));

  it("stores nothing of a create that fails, and shows its exit and its last output", async () => {
    await command(`{ create: "echo some words; echo to stderr >&2; exit 3" }`);
    const output = await upFails();
    assert.match(output, /exit status 3: running "echo some words; [^\\n]*":/);
    for (const words of [/some words/, /to stderr/]) assert.match(output, words);
    assert.deepEqual(await project.resources(), []);
  });

  it("runs nothing in a preview", async () => {
    await command(`{ create: "touch previewed" }`);
    const { exitCode, output } = await project.pulumi("preview");
    assert.equal(exitCode, 0, output);
    assert.equal(await exists("previewed"), false);
  });

  it("runs create with environment, folder and input, and keeps what it printed", async () => {
    await command(`{
      create: 'echo "$GREETING from $(cat)"; echo working >&2; echo create >> log',
      update: 'echo "update after $PULUMI_COMMAND_STDOUT"; echo update >> log',
      delete: 'echo delete >> log',
      environment: { GREETING: "hello" }, stdin: "stdin", dir: process.cwd(), triggers: [1], logging: "stderr",
    }`);
    const output = await upSucceeds();
    const { id, outputs } = await only();
    assert.match(id ?? "", /^it[0-9a-f]{8}$/);
    assert.equal(outputs?.stdout, "hello from stdin");
    assert.equal(outputs?.stderr, "working");
    assert.match(output, /command:local:Command it creating .*working/);
  });

  it("does nothing when nothing has changed", async () => {
    const outcome = await project.up();
    assert.match(summary(outcome), /2 unchanged/);
    assert.equal(await text("log"), "create\n");
  });

  it("runs update when an input changes, with the previous output in the environment", async () => {
    const source = await project.source();
    await project.program(source.replace('"hello"', '"good day"'));
    await upSucceeds();
    assert.equal((await only()).outputs?.stdout, "update after hello from stdin");
    assert.equal(await text("log"), "create\nupdate\n");
  });

  it("keeps the old state when an update fails", async () => {
    const source = await project.source();
    await project.program(source.replace("update: 'echo", "update: 'exit 7; echo"));
    assert.match(await upFails(), /exit status 7/);
    assert.equal((await only()).outputs?.stdout, "update after hello from stdin");
    await project.program(source);
  });

  it("replaces on a change of the triggers: create, then delete", async () => {
    const source = await project.source();
    await project.program(source.replace("triggers: [1]", "triggers: [2]"));
    const before = await only();
    await upSucceeds();
    assert.notEqual((await only()).id, before.id);
    assert.equal(await text("log"), "create\nupdate\ncreate\ndelete\n");
  });

  it("runs delete from what is stored, without the program", async () => {
    await project.program("throw new Error('the program must not run');");
    const { exitCode, output } = await project.pulumi("destroy", "--yes", "--skip-preview");
    assert.equal(exitCode, 0, output);
    assert.equal(await text("log"), "create\nupdate\ncreate\ndelete\ndelete\n");
  });

  it("keeps secrets encrypted in the state and out of what is printed, its output where the program asks for it", async () => {
    await writeFile(file("log"), "");
    const args = `{
      create: 'read word; echo "got $word" | tee -a log', stdin: pulumi.secret("opensesame"), logging: "none",
    }`;
    await command(args, `{ additionalSecretOutputs: ["stdout", "stderr"] }`);
    const output = await upSucceeds();
    assert.equal(await text("log"), "got opensesame\n");
    assert.doesNotMatch(output, /opensesame/);
    assert.doesNotMatch(await project.state(), /opensesame/);
    assert.match(summary(await project.up()), /2 unchanged/);
    const shown = await project.pulumi("stack", "output", "stdout", "--show-secrets");
    assert.equal(shown.output, "got opensesame");
  });

  it("refuses what it doesn't do, by name", async () => {
    await command(`{ create: "true", assetPaths: ["*"], logging: "everything" as never }`);
    const inputs = await upFails();
    assert.match(inputs, /the offline stand-in for command\.local\.Command does not do `assetPaths`/);
    assert.match(inputs, /must be one of stdout, stderr/);
    await project.program(`
      import { remote } from "@pulumi/command";
      new remote.Command("it", { connection: { host: "127.0.0.1" }, create: "true" });
    `);
    assert.match(await upFails(), /the offline stand-in for command does not do `command:remote:Command`/);
  });

  it("shows standard error line by line while a command runs, and ends the command on ^C, after what it started", async () => {
    const started = `echo "pid $$" >&2; trap "sleep 2; echo cleaned > trapped; exit 1" TERM; sleep 300 & wait`;
    await command(`{ create: ${JSON.stringify(`sh -c '${started}'; true`)} }`);
    const running = project.start("up", "--yes", "--skip-preview");
    await until("the command's line is shown", async () => /pid \d+/.test(running.printed()));
    const pid = Number(/pid (\d+)/.exec(running.printed())?.[1]);
    process.kill(pid, 0);
    running.kill("SIGINT");
    const { exitCode, output } = await running.ended;
    assert.notEqual(exitCode, 0, output);
    assert.equal(await text("trapped"), "cleaned\n");
    assert.equal(await findProcess(pid), undefined);
  });

  it("leaves no process behind when the engine is killed", async () => {
    await command(`{ create: 'echo "pid $$" >&2; sleep 300 & wait' }`);
    const running = project.start("up", "--yes", "--skip-preview");
    await until("the command's line is shown", async () => /pid \d+/.test(running.printed()));
    assert.ok(
      (await processesBelow(project.dir)).length >= 4,
      "language host, program, plugin and command are running",
    );
    running.kill("SIGKILL");
    await running.ended;
    await until("all processes have ended", async () => (await processesBelow(project.dir)).length === 0, 20);
  });
});

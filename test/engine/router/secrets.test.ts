import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import { createProject, type Project } from "../project.ts";
import { machine } from "./bench.ts";
import { type PiHoleContract, password, startPiHole } from "./contract/pihole-server.ts";

const program = `
import { DhcpReservations } from "./components/reservations.ts";
import { machines, router } from "./settings.ts";
new DhcpReservations("reservations", { router, machines });
`;

describe("a router's password", function () {
  this.timeout(180_000);
  let server: PiHoleContract;
  let project: Project;

  before(async () => {
    server = await startPiHole();
    project = await createProject();
    for (const folder of ["components", "formats", "lib", "steps"])
      await symlink(path.join(projectDir, folder), path.join(project.dir, folder));
    await project.program(program);
  });
  after(async () => {
    await project?.remove();
    await server?.close();
  });

  const settings = (given: string) => {
    const { url, fingerprint } = server;
    const router = { kind: "pihole", url, fingerprint, password: given };
    return writeFile(
      path.join(project.dir, "settings.ts"),
      `export const machines = ${JSON.stringify([machine(1)])};\nexport const router = ${JSON.stringify(router)};\n`,
    );
  };
  const hides = (text: string, ...words: string[]) => {
    for (const word of words) assert.ok(!text.includes(word), `shows ${word}`);
  };

  it("is neither shown nor stored in clear, when it is right and when it is wrong", async () => {
    const wrong = "another password, wrong";
    await settings(wrong);
    const failed = await project.up();
    assert.notEqual(failed.exitCode, 0);
    assert.match(failed.output, /does not accept the password/);
    assert.equal(server.logins, 1);
    await settings(password);
    const { exitCode, output } = await project.up();
    assert.equal(exitCode, 0, output);
    const state = await project.pulumi("stack", "export");
    assert.match(state.output, /steps\/router\/main\.ts apply/);
    hides(failed.output + output + state.output, password, wrong);
    const destroyed = await project.pulumi("destroy", "--yes", "--skip-preview");
    assert.equal(destroyed.exitCode, 0, destroyed.output);
    assert.deepEqual(server.hosts, []);
    hides(destroyed.output, password);
  });
});

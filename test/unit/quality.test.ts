import { projectDir } from "../../lib/paths.ts";
import { run } from "../../lib/run.ts";

describe("the sources", function () {
  this.timeout(120_000);

  it("have no type errors", async () => {
    await run("node_modules/.bin/tsc", [], { cwd: projectDir });
  });

  it("are formatted and free of lint", async () => {
    await run("node_modules/.bin/biome", ["ci", "--error-on-warnings", "--colors=off"], {
      cwd: projectDir,
    });
  });
});

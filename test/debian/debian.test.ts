import assert from "node:assert/strict";
import { copyFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { projectDir } from "../../lib/paths.ts";
import { emulationPackages } from "../../toolchain/packages.ts";
import { type Checkout, makeCheckout } from "../e2e/checkout.ts";
import { type DebianRoot, type Ended, enterDebian } from "./root.ts";

/** Debian 12's own Node.js is too old: it gets the one that runs this test. */
const releases = [
  { suite: "bookworm", packages: [] },
  { suite: "trixie", packages: ["nodejs"] },
  { suite: "testing", packages: ["nodejs"] },
];

/** The smallest image that there is: one program, Debian's packages and a kernel. */
const settings = {
  "piinit:images": {
    small: { board: "lab", roles: { consul: "server" }, files: [{ path: "/etc/issue", text: "a small image\n" }] },
  },
  "piinit:lab": {},
  "piinit:machines": [1, 2, 3].map((number) => ({
    name: `pi${number}`,
    mac: `52:54:00:12:34:5${number}`,
    ip: `192.168.2.5${number}`,
    image: "small",
  })),
  "piinit:network": { cidr: "192.168.2.0/24" },
};

/** Of the parts that meet programs of the host in the most ways. */
const unitTests = ["burn/survey", "image/ext4", "image/ext4-used", "image/shrink"];

/** What happened in a Debian, step by step. */
interface Story {
  doctor: Ended;
  told: Ended;
  installed: Ended[];
  built: Ended;
  burned: Ended;
  looked: Ended;
  tests: Ended;
  /** Packages for boards of another architecture that are still missing after their installation. */
  emulation: Ended;
}

describe("with nothing but Debian and Node.js", function () {
  this.timeout(20 * 60_000);
  const open: (DebianRoot | Checkout)[] = [];
  let stories: Map<string, Promise<Story | undefined>>;

  before("a plain user builds an image on each release at once", async function () {
    if (process.getuid?.() !== 0) {
      console.log("    only root can make a root of another Debian: skipped");
      this.skip();
    }
    stories = new Map(releases.map(({ suite, packages }) => [suite, live(suite, packages)]));
    await Promise.allSettled(stories.values());
  });
  after(async () => {
    for (const one of open.toReversed()) await ("leave" in one ? one.leave() : one.remove());
  });

  /** Undefined where this machine's Node.js doesn't run in it. */
  async function live(suite: string, packages: readonly string[]): Promise<Story | undefined> {
    const checkout = await makeCheckout();
    open.push(checkout);
    await rm(path.join(checkout.dir, "node_modules"));
    await writeFile(path.join(checkout.dir, "stacks", "Pulumi.small.yaml"), stringify({ config: settings }));
    const debian = await enterDebian(suite, packages, checkout.dir, path.join(projectDir, "node_modules"));
    open.push(debian);
    if (!packages.includes("nodejs")) {
      await copyFile(process.execPath, path.join(debian.dir, "usr/local/bin/node"));
      if ((await debian.run("me", "node", "--version")).exitCode !== 0) return undefined;
    }
    const piinit = (...args: string[]) => debian.run("me", "./piinit", ...args);
    const doctor = await piinit("doctor", "small");
    const told = await piinit("build", "small", "small");
    const installed: Ended[] = [];
    for (const line of commandsIn(told)) installed.push(await debian.run("root", "sh", "-c", line));
    const built = await piinit("build", "small", "small");
    const images = path.join(".piinit", "small", "images");
    const names = await readdir(path.join(checkout.dir, images)).catch(() => []);
    const image = `./${path.join(images, names.find((name) => name.endsWith(".img")) ?? "none.img")}`;
    const burned = await piinit("burn", image, "--drive", "/tmp/card.img", "--yes");
    const node = (...args: string[]) => debian.run("me", "node", "--import", "tsx", ...args);
    const looked = await node("test/debian/open.ts", "/tmp/card.img");
    const mocha = path.join("node_modules", "mocha", "bin", "mocha.js");
    const tests = await node(mocha, "--timeout=5m", ...unitTests.map((name) => `test/unit/${name}.test.ts`));
    installed.push(await debian.run("root", "sh", "-c", installing(emulationPackages.map(({ debian: name }) => name))));
    const emulation = await node("test/debian/emulation.ts");
    return { doctor, told, installed, built, burned, looked, tests, emulation };
  }

  for (const { suite } of releases) {
    describe(suite, () => {
      let story: Story;
      before(async function () {
        const found = await stories.get(suite);
        if (found) story = found;
        else {
          console.log("      this machine's Node.js doesn't run there: skipped");
          this.skip();
        }
      });

      it("tells a plain user all that is missing, and that is enough to build an image", () => {
        assert.equal(story.told.exitCode, 1, story.told.output);
        const missing = packagesIn(commandsIn(story.told));
        assert.ok(missing.includes("mmdebstrap"), story.told.output);
        for (const name of missing) assert.ok(story.doctor.output.includes(name), story.doctor.output);
        for (const { exitCode, output } of story.installed) assert.equal(exitCode, 0, output);
        assert.equal(story.built.exitCode, 0, story.built.output);
      });

      it("has tools that write the image to a card and find it sound there, with its files", () => {
        assert.equal(story.burned.exitCode, 0, story.burned.output);
        assert.deepEqual([story.looked.exitCode, story.looked.stdout], [0, "a small image"], story.looked.output);
      });

      it("has what runs the programs of other boards, by whatever name", () => {
        assert.deepEqual([story.emulation.exitCode, story.emulation.stdout], [0, ""], story.emulation.output);
      });

      it("has programs that make and mend file systems as the builder expects of them", () => {
        assert.equal(story.tests.exitCode, 0, story.tests.output);
      });
    });
  }

  it("was a Debian without mount and ps, as far as Debian allows that", async () => {
    const story = await stories.get("testing");
    const missing = packagesIn(commandsIn(story?.told ?? assert.fail("no Debian testing")));
    for (const name of ["mount", "procps"]) assert.ok(missing.includes(name), missing.join(" "));
  });
});

/** The lines that a user is told to run as root. */
const commandsIn = ({ output }: Ended): string[] => output.match(/^ {2}.*apt-get .*$/gm) ?? [];

const installing = (names: readonly string[]) =>
  `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${names.join(" ")}`;

/** What they install. */
function packagesIn(commands: readonly string[]): string[] {
  const [, names = ""] = / install (.*)/.exec(commands.join("\n")) ?? [];
  return names.split(" ").filter((word) => !word.startsWith("-"));
}

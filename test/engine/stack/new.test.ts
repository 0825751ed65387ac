import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { projectDir } from "../../../lib/paths.ts";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { createProject, type Project } from "../project.ts";
import { answer, in80Columns, readable } from "../pty.ts";

const password = "correct horse; battery";
const macs = [1, 2, 3].map((n) => `b8:27:eb:00:00:0${n}`);

describe("pulumi new, with the project as its template", function () {
  this.timeout("10m");
  let checkout: Checkout;
  let engine: Project;
  const home = () => path.join(engine.dir, "home-cluster");

  before(async () => {
    engine = await createProject();
    checkout = await makeCheckout();
    // A template has no modules: Pulumi copies all that it has.
    rmSync(path.join(checkout.dir, "node_modules"));
  });
  beforeEach(() => {
    mkdirSync(path.join(home(), ".piinit"), { recursive: true });
    // As Pulumi.yaml has it; no backend takes a second project of the same name.
    engine.env.PULUMI_BACKEND_URL = `file://${path.join(home(), ".piinit")}`;
    // In place of npm, which the language host would run.
    symlinkSync(path.join(projectDir, "node_modules"), path.join(home(), "node_modules"));
  });
  afterEach(() => rmSync(home(), { recursive: true, force: true }));
  after(async () => {
    checkout?.remove();
    await engine?.remove();
  });

  const newArguments = (...more: string[]) => ["new", checkout.dir, "--dir", home(), "--force", ...more];

  /** What Pulumi stored, and that both Pulumi and piinit can preview it. */
  async function check(stack: string, answers: Record<string, string>, secret?: string): Promise<void> {
    const project = parse(readFileSync(path.join(home(), "Pulumi.yaml"), "utf8"));
    assert.equal(project.template, undefined);
    const text = readFileSync(path.join(home(), `stacks/Pulumi.${stack}.yaml`), "utf8");
    const { config } = parse(text);
    for (const [name, answer] of Object.entries({ network: "192.168.2.0/24", machines: macs.join(" "), ...answers }))
      assert.equal(config[`piinit:${name}`], answer, name);
    if (secret) assert.match(config["piinit:routerSecret"].secure, /^v1:/);
    const { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE } = engine.env;
    for (const [program, args, env] of [
      [path.join(engine.dir, "bin/pulumi"), ["preview", "--non-interactive", "--stack", stack], engine.env],
      // With the tools of this user.
      [path.join(home(), "piinit"), ["preview", stack], { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE }],
    ] as const) {
      const options = { cwd: home(), env, all: true, reject: false, stdin: "ignore" } as const;
      const { exitCode, all } = await execa(program, args, options);
      assert.equal(exitCode, 0, all);
      assert.match(all, /22 to create/);
      assert.match(all, /ip +: "192\.168\.2\.53"/);
      if (secret) assert.ok(!`${all}${text}`.includes(secret), all);
    }
  }

  /** Runs `pulumi new` for a stack `house`; what isn't answered here gets Enter. */
  async function answered(answers: Record<string, string>): Promise<void> {
    const terminal = in80Columns(path.join(engine.dir, "bin/pulumi"), newArguments(), {
      cwd: engine.dir,
      env: engine.env,
    });
    await answer(
      terminal,
      (
        [
          [/[Pp]roject name.*\(piinit\)/, ""],
          [/[Pp]roject description/, ""],
          [/[Ss]tack name.*\(dev\)/, "house"],
          [/The board of the servers \(images\).*\(pi4\)/, answers.images],
          [/The MAC addresses of three of them, with spaces in between \(machines\)/, macs.join(" ")],
          [/The home network \(network\).*\(192\.168\.2\.0\/24\)/, ""],
          [/a kind from docs\/routers \(router\) \(manual\): /, answers.router],
          [/https:\/\/USER@HOST, .*; or empty \(routerAddress\): /, answers.routerAddress],
          [/KEY=VALUE; empty for most \(routerOptions\): /, ""],
          [/empty for manual and SSH \(routerSecret\): /, answers.routerSecret],
          [/empty for cables \(wifi\): /, answers.wifi],
          [/empty for cables \(wifiPassphrase\): /, answers.wifiPassphrase],
        ] as const
      ).map(([question, keys = ""]) => [question, `${keys}\r`]),
    );
    const { exitCode, shown } = await terminal.ended;
    assert.equal(exitCode, 0, readable(shown));
    assert.match(readable(shown), /Your new project is ready to go!/);
    assert.ok(!shown.includes(password));
  }

  it("asks for the network, the board, the machines and the router, and ends with a stack that can be previewed", async () => {
    const answers = { images: "pi3", router: "adguard", routerAddress: "https://ann@192.168.2.2", wifi: "DE My Wi-Fi" };
    await answered({ ...answers, routerSecret: password, wifiPassphrase: password });
    await check("house", answers, password);
  });

  it("takes Enter for a router that is set up by hand, and cables", async () => {
    await answered({});
    await check("house", { images: "pi4", router: "manual" });
  });

  it("takes a router that is reached over SSH", async () => {
    const answers = { router: "dnsmasq", routerAddress: "admin@192.168.2.1", routerOptions: "hostsDir=/etc/hosts.d" };
    const given = Object.entries({ machines: macs.join(" "), ...answers }).flatMap(([name, value]) => [
      "--config",
      `piinit:${name}=${value}`,
    ]);
    const { exitCode, output } = await engine.pulumi(...newArguments("--yes", "--stack", "ssh", ...given));
    assert.equal(exitCode, 0, output);
    await check("ssh", answers);
  });

  it("has a stack whose preview says which answer is missing, and takes it afterwards", async () => {
    const given = [`machines=${macs.join(" ")}`, "router=pihole", "routerAddress=https://192.168.2.2"];
    const { exitCode, output } = await engine.pulumi(
      ...newArguments("--yes", "--stack", "half", ...given.flatMap((one) => ["--config", `piinit:${one}`])),
    );
    assert.equal(exitCode, 0, output);
    const { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE } = engine.env;
    const run = (args: string[], input = "") =>
      execa(path.join(home(), "piinit"), args, {
        cwd: home(),
        env: { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE },
        all: true,
        reject: false,
        input,
      });
    const refused = await run(["preview", "half"]);
    assert.notEqual(refused.exitCode, 0, refused.all);
    assert.match(refused.all, /piinit:routerSecret {2}is missing; set it: \.\/piinit secret routerSecret half/);
    // As the driver's own message names it.
    const set = await run(["secret", "network.router.password", "half"], password);
    assert.equal(set.exitCode, 0, set.all);
    await check("half", { router: "pihole" }, password);
  });

  it("makes the files alone, with --generate-only, as they are", async () => {
    const { exitCode, output } = await engine.pulumi(...newArguments("--generate-only", "--yes"));
    assert.equal(exitCode, 0, output);
    assert.ok(existsSync(path.join(home(), "stacks/Pulumi.lab.yaml")));
    // The texts of shell scripts have placeholders that look like the template's own.
    for (const file of ["index.ts", "piinit", "steps/image/roles/identity.ts", "jobs/page.nomad.hcl"])
      assert.equal(readFileSync(path.join(home(), file), "utf8"), readFileSync(path.join(projectDir, file), "utf8"));
  });
});

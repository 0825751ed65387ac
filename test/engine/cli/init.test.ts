import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { until } from "../agents.ts";
import { freePort } from "../ports.ts";
import { answer, ctrlC, in80Columns, readable } from "../pty.ts";
import { type PiHoleContract, password, startPiHole } from "../router/contract/pihole-server.ts";
import { startHomeOrSkip } from "../router/home.ts";

const passphrase = "correct horse battery";
const macs = ["b8:27:eb:00:00:01", "dc:a6:32:00:00:02", "2c:cf:67:00:00:03", "00:11:32:aa:bb:cc"];

/** No test may look at the real router of this machine: each names one on 127.0.0.1. */
describe("./piinit init", function () {
  this.timeout("5m");
  let checkout: Checkout;
  let router: PiHoleContract;
  let nobody: string;
  const file = (stack: string) => path.join(checkout.dir, "stacks", `Pulumi.${stack}.yaml`);
  const init = (...args: string[]) =>
    in80Columns("./piinit", ["init", ...args], { cwd: checkout.dir, env: checkout.env });
  const secretIn = async (stack: string, key: string) => {
    const { stdout } = await checkout.pulumi(`pulumi config get --stack ${stack} --path 'piinit:${key}'`);
    return stdout.trim();
  };
  /** All that a stack leaves in the checkout. */
  const traces = () =>
    [path.join(checkout.dir, "stacks"), path.join(checkout.dir, ".piinit/.pulumi/stacks/piinit")].flatMap((folder) =>
      existsSync(folder) ? readdirSync(folder) : [],
    );

  before(async () => {
    router = await startPiHole();
    for (const [index, hwaddr] of macs.entries())
      router.leases.push({ expires: 0, hwaddr, ip: `192.168.2.20${index}`, name: "*", clientid: "" });
    nobody = `http://127.0.0.1:${await freePort()}`;
    checkout = await makeCheckout();
    for (const [name, secret] of [
      ["router", password],
      ["wifi", passphrase],
    ] as const)
      writeFileSync(path.join(checkout.dir, name), `${secret}\n`, { mode: 0o600 });
  });
  after(async () => {
    checkout?.remove();
    await router?.close();
  });

  /** Every question when the router was recognised, with an answer. */
  const questions: [RegExp, string][] = [
    [/Its kind \[pihole\]: /, "\r"],
    [/Is that what the router itself shows\? yes or no: /, "yes\r"],
    [/The password of its web interface\.\n {2}password \(not shown\): /, `${password}\r`],
    [/The home network: /, "192.168.2.0/24\r"],
    [/Which are the cluster's\? Numbers, the three servers first \[1 2 3\]: /, "\r"],
    [/b8:27:eb:00:00:01 gets 192\.168\.2\.51\. Its name \[pi1\]: /, "\r"],
    [/dc:a6:32:00:00:02 gets 192\.168\.2\.52\. Its name \[pi2\]: /, "kitchen\r"],
    [/2c:cf:67:00:00:03 gets 192\.168\.2\.53\. Its name \[pi2\]: /, "\r"],
    [/The board of pi1, kitchen, pi2: /, "pi6\r"],
    [/It must be amd64, .*; did you mean `pi2`\?\nThe board of .*: /, "pi4\r"],
    [/The Wi-Fi that they use; Enter for cables: /, "Norge\r"],
    [/two capital letters such as DE: /, "NO\r"],
    [/The passphrase of Norge \(not shown\): /, `${passphrase}\r`],
    [/The Linux computer that builds the images, USER@HOST; Enter for this one: /, "\r"],
  ];

  it("recognises the router, finds the machines, asks for the rest, and writes a stack that can be previewed", async () => {
    const terminal = init("--router", router.url);
    await answer(terminal, questions);
    const { exitCode, shown } = await terminal.ended;
    const lines = readable(shown);
    assert.equal(exitCode, 0, lines);
    for (const line of lines.split("\n")) assert.ok(line.length <= 80 || /^ +\d+ s {2}|:[\dA-F]{2}:/.test(line), line);
    assert.match(lines, /It answers like pihole \(https:\/\/127\.0\.0\.1:\d+\)\./);
    assert.match(lines, /\n {2}\.\/piinit burn server home\n?$/);
    const text = readFileSync(file("home"), "utf8");
    for (const secret of [password, passphrase]) assert.ok(!text.includes(secret) && !lines.includes(secret));
    assert.match(text, /^# yaml-language-server.*\n# Made by \.\/piinit init/);
    assert.match(text, /# One image for each kind of machine/);
    const { config } = parse(text, { version: "1.1" });
    assert.deepEqual(
      config["piinit:machines"].map(({ name, mac, ip, image }: Record<string, string>) =>
        [name, mac, ip, image].join(),
      ),
      macs.slice(0, 3).map((mac, index) => `${["pi1", "kitchen", "pi2"][index]},${mac},192.168.2.5${index + 1},server`),
    );
    assert.equal(config["piinit:network"].router.fingerprint, router.fingerprint);
    assert.equal(await secretIn("home", "network.router.password"), password);
    assert.equal(await secretIn("home", "images.server.roles.wifi.passphrase"), passphrase);
    const preview = await checkout.piinit("preview", "home");
    assert.equal(preview.exitCode, 0, preview.output);
    assert.match(preview.output, /reservations +create/);
  });

  it("keeps a stack that exists", async () => {
    const before = readFileSync(file("home"), "utf8");
    for (const stack of ["home", "lab"]) {
      const { exitCode, output } = await checkout.piinit("init", stack, "--router", nobody);
      assert.equal(exitCode, 1);
      assert.match(output, /^Stack \w+ exists already, .* Create another: \.\/piinit init NAME$/m);
    }
    assert.equal(readFileSync(file("home"), "utf8"), before);
  });

  it("leaves nothing behind on ^C at any question", async () => {
    const before = traces();
    for (const [index, [question]] of questions.entries()) {
      const terminal = init("other", "--router", router.url);
      await answer(terminal, [...questions.slice(0, index), [question, ctrlC]]);
      const { exitCode, shown } = await terminal.ended;
      assert.equal(exitCode, 130, shown);
      assert.match(shown, /Interrupted\. Nothing was written\./);
      assert.deepEqual(traces(), before, String(question));
    }
  });

  it("takes a router that it doesn't recognise as one that is set up by hand, and MAC addresses that are typed in", async () => {
    const terminal = init("manual", "--router", nobody);
    await answer(terminal, [
      [/It answers like none that piinit recognises[\s\S]*Its kind \[manual\]: /, "\r"],
      [/The home network: /, "192.168.7.0/24\r"],
      [/pi1 at 192\.168\.7\.51, MAC address/, `${macs[0]}\r`],
      [/pi2 at 192\.168\.7\.52, MAC address/, `${macs[1]}\r`],
      [/pi3 at 192\.168\.7\.53, MAC address/, `${macs[2]}\r`],
      [/The board of pi1, pi2, pi3/, "pi4\r"],
      [/The Wi-Fi/, "\r"],
      [/The Linux computer/, "you@nuc\r"],
    ]);
    const { exitCode, shown } = await terminal.ended;
    assert.equal(exitCode, 0, shown);
    const preview = await checkout.piinit("preview", "manual");
    assert.equal(preview.exitCode, 0, preview.output);
  });

  it("goes on without a router that doesn't let it in, and skips settings that it may lack", async () => {
    const terminal = init("silent", "--router", nobody, "--router-kind", "unifi");
    await answer(terminal, [
      [/ url \[http:\/\/127\.0\.0\.1:\d+\]: /, "\r"],
      [/ apiKey \(not shown\); Enter for none: /, "a key\r"],
      [/ user; Enter for none: /, "\r"],
      [/ password \(not shown\); Enter for none: /, "\r"],
      [/The home network: /, "192.168.7.0/24\r"],
      [/no answer from .*\n[\s\S]*Type the MAC addresses[\s\S]*pi1 at 192\.168\.7\.51, MAC address/, `${macs[0]}\r`],
      [/pi2 at 192\.168\.7\.52, MAC address/, `${macs[1]}\r`],
      [/pi3 at 192\.168\.7\.53, MAC address/, `${macs[2]}\r`],
      [/The board of pi1, pi2, pi3/, "pi4\r"],
      [/The Wi-Fi/, "\r"],
      [/The Linux computer/, "\r"],
    ]);
    const { exitCode, shown } = await terminal.ended;
    assert.equal(exitCode, 0, readable(shown));
    assert.equal(await secretIn("silent", "network.router.apiKey"), "a key");
  });

  it("finds the machines of a real dnsmasq over SSH, which it can't recognise", async function () {
    const dnsmasq = await startHomeOrSkip(this);
    try {
      for (const mac of macs) await dnsmasq.askForLease(mac);
      const { kind, host, ...settings } = dnsmasq.settings;
      const set = Object.entries(settings).flatMap(([key, value]) => ["--router-set", `${key}=${value}`]);
      const terminal = init("ssh", "--router", host, "--router-kind", kind, ...set, "--network", "192.168.2.0/24");
      await answer(terminal, [
        [/\[1 2 3\]: /, "4 1 2 3\r"],
        [/00:11:32:aa:bb:cc gets 192\.168\.2\.51\. Its name \[pi1\]: /, "nas\r"],
        [/ gets 192\.168\.2\.52\. Its name \[pi1\]: /, "\r"],
        [/ gets 192\.168\.2\.53\. Its name \[pi2\]: /, "\r"],
        [/ gets 192\.168\.2\.54\. Its name \[pi3\]: /, "\r"],
        [/The board of nas, pi1, pi2: /, "pi4\r"],
        [/The board of pi3 \[pi4\]: /, "pi3\r"],
        [/The Wi-Fi/, "\r"],
        [/The Linux computer/, "\r"],
      ]);
      const { exitCode, shown } = await terminal.ended;
      assert.equal(exitCode, 0, readable(shown));
      assert.match(readable(shown), /\.\/piinit burn server ssh\n.*\.\/piinit burn worker ssh/);
      const { output } = await checkout.piinit("doctor", "ssh");
      assert.match(output, /settings of ssh: 4 machines, images server, worker/);
      const preview = await checkout.piinit("preview", "ssh");
      assert.equal(preview.exitCode, 0, preview.output);
    } finally {
      await dnsmasq.close();
    }
  });

  const machines = macs.flatMap((mac, index) => ["--machine", `pi${index + 1}=${mac},192.168.2.5${index + 1}`]);

  it("asks nothing where options say all, without a terminal", async () => {
    const { exitCode, output } = await checkout.piinit(
      ...["init", "flags", "--router", router.url, "--router-set", `fingerprint=${router.fingerprint}`],
      ...["--router-secret", "password=router", "--network", "192.168.2.0/24", ...machines, "--board", "pi3"],
      ...["--board", "worker=pi4", "--wifi", "Home", "--country", "DE", "--wifi-passphrase", "wifi"],
    );
    assert.equal(exitCode, 0, output);
    const text = readFileSync(file("flags"), "utf8");
    for (const secret of [password, passphrase]) assert.ok(!text.includes(secret) && !output.includes(secret));
    assert.match(text, /router:\n {6}kind: pihole\n/);
    assert.equal(await secretIn("flags", "network.router.password"), password);
    assert.equal(await secretIn("flags", "images.worker.roles.wifi.passphrase"), passphrase);
    const preview = await checkout.piinit("preview", "flags");
    assert.equal(preview.exitCode, 0, preview.output);
  });

  it("names the options that are missing without a terminal, all at once", async () => {
    const before = traces();
    const { exitCode, output } = await checkout.piinit("init", "less", "--router", router.url, "--wifi", "Home");
    assert.equal(exitCode, 1);
    for (const flag of [
      `--router-set fingerprint=${router.fingerprint}`,
      "--router-secret password=FILE",
      "--network CIDR",
      "--machine pi1=b8:27:eb:00:00:01,192.168.2.51",
      "--board BOARD",
      "--country CODE",
      "--wifi-passphrase FILE",
    ])
      assert.ok(output.includes(`\n  ${flag}  `), `${flag}: ${output}`);
    assert.deepEqual(traces(), before);
  });

  it("refuses what can't be, before it writes anything", async () => {
    const before = traces();
    const all = ["--router-kind", "manual", "--network", "192.168.2.0/24", ...machines, "--board", "pi4"];
    for (const [change, message] of [
      [["--network", "192.168.2.0/30"], /--network CIDR: 192\.168\.2\.0\/30 must have room for a router/],
      [["--board", "worker=pi9"], /--board worker=BOARD: pi9 must be .*did you mean/],
      [["--board", "workre=pi3"], /no machine has the image workre; did you mean `worker`\?/],
      [["--router-set", "user=me"], /a router of the kind manual has no such setting/],
      [["--machine", `pi1=${macs[0]},192.168.2.77`], /machines\[4\]\.mac .* must be unique/],
      [["--wifi", "Home", "--country", "Norway"], /--country CODE: Norway must be a country's two capital letters/],
      [["--builder", "a b"], /--builder USER@HOST: a b must be USER@HOST/],
    ] as const) {
      const { exitCode, output } = await checkout.piinit("init", "wrong", "--router", nobody, ...all, ...change);
      assert.equal(exitCode, 1, output);
      assert.match(output, message);
      assert.deepEqual(traces(), before);
    }
  });

  it("leaves nothing behind on ^C while Pulumi stores the secrets", async () => {
    const before = traces();
    const terminal = init(
      ...["gone", "--router", nobody, "--router-kind", "manual", "--network", "192.168.2.0/24", ...machines],
      ...["--board", "pi4", "--wifi", "Home", "--country", "DE", "--wifi-passphrase", "wifi", "--builder", "you@nuc"],
    );
    const state = path.join(checkout.dir, ".piinit/.pulumi/stacks/piinit/gone.json");
    await until("the stack is made", async () => existsSync(state), 180);
    terminal.type(ctrlC);
    const { exitCode, shown } = await terminal.ended;
    assert.equal(exitCode, 130, shown);
    assert.deepEqual(traces(), before);
  });

  it("leaves nothing behind if Pulumi can't store a secret", async () => {
    const before = traces();
    const { exitCode, output } = await checkout.pulumi(
      `PULUMI_BACKEND_URL=file:///does/not/exist ./piinit init no --router ${nobody} --router-kind manual --network 192.168.2.0/24 --board pi4 --wifi Home --country DE --wifi-passphrase wifi ${machines.join(" ")}`,
    );
    assert.equal(exitCode, 1, output);
    assert.match(output, /does\/not\/exist/);
    assert.deepEqual(traces(), before);
  });
});

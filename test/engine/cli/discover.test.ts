import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { answer, ctrlC, in80Columns, readable } from "../pty.ts";
import { type Home, startHomeOrSkip } from "../router/home.ts";

const settings = (home: Home) => `# Ours
config:
  piinit:network: {cidr: 192.168.2.0/24, router: ${JSON.stringify(home.settings)}}
  piinit:builder: {ssh: nobody@127.0.0.1}
  piinit:images:
    server: {board: pi3, roles: {consul: server, nomad: both}}
    worker: {board: pi4, roles: {consul: client, nomad: client}}
  piinit:machines: # three, and more
    - {name: pi1, mac: "b8:27:eb:00:00:01", ip: 192.168.2.51, image: server}
    - {name: pi2, mac: "b8:27:eb:00:00:02", ip: 192.168.2.52, image: server}
    - {name: pi3, mac: "b8:27:eb:00:00:03", ip: 192.168.2.53, image: server} # in the attic
  piinit:kv: {greeting: hello} # stays
`;

describe("./piinit discover, of a real dnsmasq", function () {
  this.timeout("5m");
  let home: Home;
  let checkout: Checkout;
  let original: string;
  const file = () => path.join(checkout.dir, "stacks/Pulumi.house.yaml");
  const text = () => readFileSync(file(), "utf8");
  const discover = () => in80Columns("./piinit", ["discover", "house"], { cwd: checkout.dir, env: checkout.env });

  before(async function () {
    home = await startHomeOrSkip(this);
    for (const mac of ["dc:a6:32:00:00:05", "00:11:32:aa:bb:cc", "2c:cf:67:00:00:04", "b8:27:eb:00:00:01"])
      await home.askForLease(mac);
    checkout = await makeCheckout();
    original = settings(home);
  });
  beforeEach(() => writeFileSync(file(), original));
  after(async () => {
    checkout?.remove();
    await home?.close();
  });

  it("lists them, and with --add prints the lines that are missing", async () => {
    const { exitCode, stdout, output } = await checkout.piinit("discover", "house");
    assert.equal(exitCode, 0, output);
    assert.match(stdout, /^MAC ADDRESS +IP ADDRESS/);
    assert.match(stdout, /^b8:27:eb:00:00:01 +192\.168\.2\.2\d\d +Raspberry Pi +pi1$/m);
    assert.match(stdout, /^00:11:32:aa:bb:cc/m);
    const added = await checkout.piinit("discover", "house", "--add");
    const lines = added.stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2, added.output);
    for (const [index, line] of lines.entries())
      assert.match(
        line,
        new RegExp(`^    - \\{name: pi${index + 4}, mac: "[\\da-f:]{17}", ip: 192\\.168\\.2\\.5${index + 4}, `),
      );
    assert.equal(text(), original);
  });

  const [which, name, image] = [
    /Enter for none: /,
    /Its name \[pi4\]: /,
    /The image of pi4: server or worker \[server\]: /,
  ];

  it("asks on a terminal, and writes the chosen ones into the stack's file, whose comments stay", async () => {
    const terminal = discover();
    await answer(terminal, [
      [which, "9\r"],
      [/Only numbers from the list above, such as 1 2: /, "1\r"],
      [/2c:cf:67:00:00:04 gets 192\.168\.2\.54\. Its name \[pi4\]: /, "pi1\r"],
      [/there is already a pi1\. Its name \[pi4\]: /, "desk\r"],
      [/The image of desk: server or worker \[server\]: /, "worker\r"],
    ]);
    const { exitCode, shown } = await terminal.ended;
    assert.equal(exitCode, 0, shown);
    const lines = readable(shown);
    assert.match(lines, /^1 {2}2c:cf:67:00:00:04/m);
    for (const line of lines.split("\n")) assert.ok(line.length <= 80, line);
    const line = `    - {name: desk, mac: "2c:cf:67:00:00:04", ip: 192.168.2.54, image: worker}`;
    assert.ok(lines.includes(`Added to stacks/Pulumi.house.yaml:\n${line}\n`), lines);
    const end = "# in the attic\n";
    assert.equal(text(), original.replace(end, `${end}${line}\n`));
    assert.match(lines, /Next: \.\/piinit preview house/);
  });

  it("leaves the file as it was on ^C at any question, and when nothing is chosen", async () => {
    for (const answers of [
      [[which, ctrlC]],
      [
        [which, "1\r"],
        [name, ctrlC],
      ],
      [
        [which, "1\r"],
        [name, "\r"],
        [image, ctrlC],
      ],
    ] as [RegExp, string][][]) {
      const terminal = discover();
      await answer(terminal, answers);
      const { exitCode, shown } = await terminal.ended;
      assert.equal(exitCode, 130, shown);
      assert.match(shown, /Interrupted\. The stack's file is as it was\./);
      assert.equal(text(), original);
    }
    const terminal = discover();
    await answer(terminal, [[which, "\r"]]);
    assert.equal((await terminal.ended).exitCode, 0);
    assert.equal(text(), original);
  });

  it("writes what doesn't fit yet, and says so", async () => {
    const terminal = discover();
    await answer(terminal, [
      [which, "1\r"],
      [name, "\r"],
      [image, "\r"],
    ]);
    const { shown } = await terminal.ended;
    assert.match(shown, /must have an odd number of Consul servers/);
    assert.match(text(), /name: pi4, .*image: server/);
  });
});

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";

const servers = { consul: "server", nomad: "server", promarch: "linux-armv7" };
const monitor = { wifi_name: "Home", wifi_password: "12345678", consul: "client", promarch: "linux-armv6" };
const machines = [1, 2, 3, 4].flatMap((n) => [
  "--machine",
  `${n < 4 ? `pi${n}` : "zero1"}=b8:27:eb:00:00:0${n},192.168.2.5${n}`,
]);

describe("./piinit import", function () {
  this.timeout("5m");
  let checkout: Checkout;
  const stackFile = (stack: string) => path.join(checkout.dir, "stacks", `Pulumi.${stack}.yaml`);
  const write = (name: string, content: object) => {
    writeFileSync(path.join(checkout.dir, name), JSON.stringify(content));
    return name;
  };

  before(async () => {
    checkout = await makeCheckout();
  });
  after(() => checkout.remove());

  it("keeps the password as a secret of Pulumi, and shows it nowhere", async () => {
    const files = [write("pivariables.json", servers), write("zpivariables.json", monitor)];
    const { exitCode, output } = await checkout.piinit("import", ...files, ...machines, "--country", "DE");
    assert.equal(exitCode, 0, output);
    assert.match(output, /^Wrote stacks\/Pulumi\.home\.yaml\.$/m);
    const text = readFileSync(stackFile("home"), "utf8");
    assert.ok(!text.includes(monitor.wifi_password) && !output.includes(monitor.wifi_password));
    assert.match(text, /^# yaml-language-server: \$schema=schema\.json\n/);
    assert.match(text, /passphrase:\s+secure: v1:/);
    const { stdout } = await checkout.pulumi(
      "pulumi config get --stack home --path 'piinit:images.monitor.roles.wifi.passphrase'",
    );
    assert.equal(stdout.trim(), monitor.wifi_password);
    const { output: found } = await checkout.piinit("doctor", "home");
    assert.match(found, /settings of home: 4 machines, images monitor, server/);
  });

  it("doesn't change a stack with own settings, and says what to do instead", async () => {
    const before = readFileSync(stackFile("home"), "utf8");
    const again = await checkout.piinit("import", "pivariables.json", ...machines.slice(0, 6));
    assert.equal(again.exitCode, 1);
    assert.match(again.output, /^Stack home exists already, .*--stack NAME$/m);
    assert.equal(readFileSync(stackFile("home"), "utf8"), before);
    const other = await checkout.piinit("import", "pivariables.json", ...machines.slice(0, 6), "--stack", "house");
    assert.equal(other.exitCode, 0, other.output);
  });

  it("finds files relative to the user's folder", async () => {
    const { exitCode, output } = await checkout.pulumi(
      `cd test && ../piinit import ../pivariables.json ${machines.slice(0, 6).join(" ")} --stack den`,
    );
    assert.equal(exitCode, 0, output);
  });

  it("writes nothing if the settings would be invalid or there is no terminal to ask in", async () => {
    for (const [options, message] of [
      [machines.slice(0, 4), /must have three Consul servers, or five: 2 can't lose one/],
      [[], /--machine pi1=/],
      [["--machine", "pi1"], /--machine takes a name, a MAC and an IP address/],
    ] as const) {
      const { exitCode, output } = await checkout.piinit("import", "pivariables.json", "--stack", "no", ...options);
      assert.equal(exitCode, 1);
      assert.match(output, message);
    }
    const country = await checkout.piinit(
      "import",
      "pivariables.json",
      "zpivariables.json",
      "--stack",
      "no",
      ...machines,
    );
    assert.match(country.output, /--country DE/);
    assert.throws(() => statSync(stackFile("no")));
  });

  it("leaves no file without its secret if Pulumi can't store it", async () => {
    const { exitCode, output } = await checkout.pulumi(
      `PULUMI_BACKEND_URL=file:///does/not/exist ./piinit import pivariables.json zpivariables.json --country DE --stack no ${machines.join(" ")}`,
    );
    assert.equal(exitCode, 1, output);
    assert.throws(() => statSync(stackFile("no")));
  });

  it("is complemented by a command that sets a secret from standard input", async () => {
    const set = await checkout.pulumi("printf '%s' 'correct horse' | ./piinit secret kv.wifi house");
    assert.equal(set.exitCode, 0, set.output);
    assert.ok(!readFileSync(stackFile("house"), "utf8").includes("correct horse"));
    const { stdout } = await checkout.pulumi("pulumi config get --stack house --path piinit:kv.wifi");
    assert.equal(stdout.trim(), "correct horse");
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../../../components/settings.ts";
import { askedSettings, secretPath } from "../../../components/short-forms.ts";
import { projectDir } from "../../../lib/paths.ts";

const macs = [1, 2, 3].map((n) => `b8:27:eb:00:00:0${n}`);
/** As `pulumi new` leaves the settings: questions that were answered with Enter are empty. */
const asked = {
  network: "192.168.2.0/24",
  images: "pi4",
  machines: macs.join(" "),
  router: "manual",
  routerAddress: "",
  routerOptions: "",
  routerSecret: "",
  wifi: "",
  wifiPassphrase: "",
};
type Answers = Partial<typeof asked>;

const secret = new Set(["routerSecret", "wifiPassphrase"]);
const settingsFor = (answers: Answers) => parseSettings({ ...asked, ...answers }, "home", { secret });
const routerOf = (answers: Answers) => settingsFor(answers).network.router;
const password = "correct horse; battery";
const fingerprint = "AB".repeat(32);

describe("a router that pulumi new has asked for", () => {
  it("is one that is set up by hand, unless another kind is named", () => {
    assert.deepEqual(routerOf({}), { kind: "manual" });
  });

  it("has a user and an address in one answer, its secret in another, and the rest as keys and values", () => {
    const url = "https://192.168.2.2";
    for (const [answers, router] of [
      [
        { router: "adguard", routerAddress: "https://admin@192.168.2.2/", routerSecret: password },
        { kind: "adguard", url, user: "admin", password },
      ],
      [
        { router: "pihole", routerAddress: url, routerSecret: password, routerOptions: `fingerprint=${fingerprint}` },
        { kind: "pihole", url, password, fingerprint },
      ],
      [
        { router: "opnsense", routerAddress: url, routerSecret: "key secret", routerOptions: "server=kea" },
        { kind: "opnsense", url, server: "kea", apiKey: "key", apiSecret: "secret" },
      ],
      [
        { router: "pfsense", routerAddress: url, routerSecret: "key" },
        { kind: "pfsense", url, interface: "lan", apiKey: "key" },
      ],
      [
        { router: "unifi", routerAddress: url, routerSecret: "key" },
        { kind: "unifi", url, site: "default", apiKey: "key" },
      ],
      [
        { router: "unifi", routerAddress: "https://ann@192.168.2.2", routerSecret: password },
        { kind: "unifi", url, site: "default", user: "ann", password },
      ],
      [
        {
          router: "dnsmasq",
          routerAddress: "admin@192.168.2.1",
          routerOptions: "hostsDir=/etc/my hosts hostKey=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX= port=2222",
        },
        {
          kind: "dnsmasq",
          host: "192.168.2.1",
          user: "admin",
          hostsDir: "/etc/my hosts",
          hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX=",
          port: 2222,
        },
      ],
      [
        { router: "openwrt", routerAddress: "router.lan" },
        { kind: "openwrt", host: "router.lan", user: "root", port: 22 },
      ],
      [
        { router: "kea", routerAddress: "192.168.2.1", routerOptions: "persist=true" },
        { kind: "kea", host: "192.168.2.1", persist: true },
      ],
      [
        {
          router: "kea",
          routerAddress: "http://ann@192.168.2.1:8000",
          routerOptions: "persist=no",
          routerSecret: "pass",
        },
        { kind: "kea", url: "http://192.168.2.1:8000", user: "ann", password: "pass", persist: false },
      ],
    ] as const)
      assert.deepEqual(routerOf(answers), router);
  });

  it("is refused at the answer that is wrong, with what it must be, and without the secret", () => {
    const box = { router: "fritzbox", routerAddress: "https://ann@192.168.2.1:49443", routerSecret: password };
    for (const [answers, ...lines] of [
      [{ router: "fritzbok" }, /^ {2}piinit:router {2}fritzbok must be dnsmasq, .*; did you mean `fritzbox`\?$/],
      [
        { ...box, routerSecret: "" },
        /^ {2}piinit:routerSecret {2}is missing; set it: \.\/piinit secret routerSecret home$/,
      ],
      [
        { ...box, routerAddress: "" },
        /^ {2}piinit:routerAddress {2}is missing: must be such as https:\/\/admin@192\.168\.178\.1:49443$/,
      ],
      [{ ...box, routerAddress: "ann@192.168.2.1" }, /^ {2}piinit:routerAddress {2}192\.168\.2\.1 must be https:\/\//],
      [{ ...box, routerAddress: "https://192.168.2.1" }, /^ {2}piinit:routerAddress {2}must have the user before an @/],
      [
        { ...box, routerAddress: `https://ann:${password}@192.168.2.1` },
        /^ {2}piinit:routerAddress {2}has before its @ what must be a user name without a colon$/,
      ],
      [{ ...box, routerOptions: "admin" }, /^ {2}piinit:routerOptions {2}admin must be KEY=VALUE/],
      [{ ...box, routerOptions: "site=a" }, /^ {2}piinit:routerOptions {2}site is unknown/],
      [{ ...box, routerOptions: "fingerprint=a" }, /^ {2}piinit:routerOptions {2}fingerprint=a must be a SHA-256/],
      [{ routerAddress: "192.168.2.1" }, /^ {2}piinit:routerAddress {2}must be empty: a router of the kind manual/],
      [
        { routerSecret: password },
        /^ {2}piinit:routerSecret {2}must be empty: a router of the kind manual needs none$/,
      ],
      [
        { router: "openwrt", routerAddress: "https://192.168.2.1" },
        /^ {2}piinit:routerAddress {2}https.* must be the router's name/,
      ],
      [
        { router: "pihole", routerAddress: "https://a@192.168.2.2", routerSecret: "p" },
        /must have no user: .* pihole has none$/,
      ],
      [
        { router: "dnsmasq", routerAddress: "192.168.2.1" },
        /^ {2}piinit:routerOptions {2}must have hostsDir=…, such as hostsDir=\/etc\S+: The folder /,
      ],
      [
        { ...box, routerOptions: `password=${password}` },
        /^ {2}piinit:routerOptions {2}must be without password, which is in piinit:routerSecret$/,
      ],
      [{ ...box, routerOptions: "kind=manual" }, /must be without kind, which is in piinit:router$/],
      [{ ...box, routerOptions: "constructor=1" }, /^ {2}piinit:routerOptions {2}constructor is unknown/],
      [
        { routerOptions: "user=ann" },
        /^ {2}piinit:routerOptions {2}must be empty: a router of the kind manual has none$/,
      ],
      [
        { router: "kea", routerOptions: "persist=true" },
        /^ {2}piinit:routerAddress {2}is missing: must be such as https:\/\/admin@\S+:8000 or root@192\.168\.2\.1$/,
      ],
      [
        { router: "opnsense", routerAddress: "https://192.168.2.1", routerOptions: "server=kea" },
        /^ {2}piinit:routerSecret {2}is missing; set it: .* home, the apiKey and the apiSecret, with a space in between$/,
      ],
      [
        { router: "kea", routerAddress: "root@192.168.2.1", routerOptions: "persist=maybe" },
        /^ {2}piinit:routerOptions {2}persist=maybe must be true or false$/,
      ],
      [
        { router: "kea", routerAddress: "root@192.168.2.1", routerOptions: "persist=true", routerSecret: password },
        /^ {2}piinit:routerSecret {2}must be left out with host$/,
      ],
      [
        { router: "opnsense", routerAddress: "https://192.168.2.1", routerSecret: "key", routerOptions: "server=kea" },
        /^ {2}piinit:routerSecret {2}must have the apiKey and the apiSecret, with a space in between$/,
      ],
    ] as const) {
      const error: Error = (() => {
        try {
          return assert.fail(JSON.stringify(settingsFor(answers)));
        } catch (reason) {
          return reason as Error;
        }
      })();
      const [headline = "", ...told] = error.message.split("\n");
      assert.match(headline, /can't be used:$/);
      assert.equal(told.length, lines.length, error.message);
      for (const line of lines)
        assert.ok(
          told.some((one) => line.test(one)),
          `${error.message}\nlacks ${line}`,
        );
      assert.ok(!error.message.includes(password), error.message);
    }
  });

  it("can't be named twice, nor partly", () => {
    const full = { cidr: "192.168.2.0/24", router: { kind: "manual" } };
    assert.throws(
      () => parseSettings({ ...asked, network: full, router: "openwrt" }, "home"),
      /piinit:router {2}openwrt must be left out: piinit:network\.router says it, too/,
    );
    const { router: _, ...rest } = asked;
    assert.throws(
      () => parseSettings({ ...rest, routerAddress: "192.168.2.1" }, "home"),
      /piinit:routerAddress {2}is unknown/,
    );
  });
});

describe("the questions of pulumi new", () => {
  const { template } = parse(readFileSync(path.join(projectDir, "Pulumi.yaml"), "utf8"));
  const questions = Object.entries(template.config as Record<string, { description: string; default?: string }>);

  it("are those whose answers are understood, secrets hidden", () => {
    const names = questions.map(([key]) => key.replace("piinit:", ""));
    assert.deepEqual(names, Object.keys(askedSettings));
    const hidden = questions.filter(([, question]) => "secret" in question).map(([key]) => key.replace("piinit:", ""));
    assert.deepEqual(hidden, [...secret]);
  });

  it("fit into a terminal of 80 columns, which cuts off the rest", () => {
    for (const [key, { description, default: initial }] of questions) {
      const prompt = `${description} (${key.replace("piinit:", "")})${initial ? ` (${initial})` : ""}: `;
      assert.ok(prompt.length < 80, prompt);
    }
  });
});

describe("a secret whose path a message has named", () => {
  it("is set where such a stack has it", () => {
    const path = (long: string, given: object = asked) => secretPath({ ...given }, long, "home");
    assert.equal(path("network.router.password"), "routerSecret");
    assert.equal(path("images.server.roles.wifi.passphrase"), "wifiPassphrase");
    assert.equal(path("routerSecret"), "routerSecret");
    assert.equal(path('kv["app/password"]'), 'kv["app/password"]');
    const full = { network: { cidr: "192.168.2.0/24", router: { kind: "pihole" } }, images: {} };
    assert.equal(path("network.router.password", full), "network.router.password");
  });

  it("is refused where a text is in the way, which Pulumi would replace", () => {
    const { router: _, ...given } = asked;
    assert.throws(
      () => secretPath(given, "network.router.password", "home"),
      /piinit:network is the text 192\.168\.2\.0\/24 in stacks\/Pulumi\.home\.yaml\. Write it as a map/,
    );
  });
});

describe("Wi-Fi that pulumi new has asked for", () => {
  it("is that of the servers", () => {
    const { images } = settingsFor({ wifi: "DE My  Wi-Fi ", wifiPassphrase: password });
    const wifi = { country: "DE", ssid: "My  Wi-Fi", passphrase: password };
    assert.deepEqual(images.server?.roles.wifi, wifi);
    assert.equal(images.server?.roles.consul, "server");
    assert.equal(settingsFor({}).images.server?.roles.wifi, undefined);
  });

  it("is refused at the answer that is wrong", () => {
    for (const [answers, line] of [
      [{ wifi: "My Wi-Fi", wifiPassphrase: password }, /piinit:wifi {2}"My Wi-Fi" must be a country and the name/],
      [{ wifi: "DE My Wi-Fi" }, /piinit:wifiPassphrase {2}is missing; set it: \.\/piinit secret wifiPassphrase home$/],
      [{ wifi: "DE My Wi-Fi", wifiPassphrase: "short" }, /piinit:wifiPassphrase {2}must have 8 to 63/],
      [{ wifi: `DE ${"x".repeat(33)}`, wifiPassphrase: password }, /piinit:wifi {2}x+ must have 1 to 32 bytes/],
      [{ wifiPassphrase: password }, /piinit:wifiPassphrase {2}must be empty without piinit:wifi$/],
    ] as const)
      assert.throws(
        () => settingsFor(answers),
        ({ message }: Error) => line.test(message) && !message.includes(password) && !message.includes("short"),
      );
  });
});

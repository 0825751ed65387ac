import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { type Bench, makeBench, whyNoOpenssl } from "./openssl.ts";
import { home, makeStack } from "./stack.ts";

/** Of `openssl x509 -text`: whole lines. */
const authorityText = [
  "Not Before: Jan  1 00:00:00 2020 GMT",
  "Not After : Jan  1 00:00:00 2050 GMT",
  "ASN1 OID: prime256v1",
  "X509v3 Basic Constraints: critical\n CA:TRUE, pathlen:0",
  "X509v3 Key Usage: critical\n Certificate Sign, CRL Sign",
  [
    "X509v3 Name Constraints: critical",
    "Permitted:",
    ...["consul", "nomad", "localhost", "home.arpa"].map((name) => `DNS:${name}`),
    ...["10.0.0.0/255.0.0.0", "172.16.0.0/255.240.0.0", "192.168.0.0/255.255.0.0"].map((network) => `IP:${network}`),
    ...["127.0.0.0/255.0.0.0", "169.254.0.0/255.255.0.0", "192.168.2.0/255.255.255.0"].map(
      (network) => `IP:${network}`,
    ),
    "Signature Algorithm: ecdsa-with-SHA256",
  ].join("\n "),
];

const certificateText = [
  "Not Before: Jan  1 00:00:00 2020 GMT",
  "Not After : Jan  1 00:00:00 2040 GMT",
  "Subject: CN=monitor",
  "X509v3 Basic Constraints: critical\n CA:FALSE",
  "X509v3 Key Usage: critical\n Digital Signature",
  "X509v3 Extended Key Usage:\n TLS Web Server Authentication, TLS Web Client Authentication",
  [
    "X509v3 Subject Alternative Name:",
    "DNS:client.home.consul, DNS:client.global.nomad, DNS:localhost, IP Address:127.0.0.1, IP Address:192.168.2.54",
  ].join("\n "),
];

describe("openssl", function () {
  this.timeout("1m");
  let bench: Bench;

  before(async function () {
    const why = await whyNoOpenssl();
    if (why) {
      console.log(`      left out: ${why}`);
      this.skip();
    }
    bench = await makeBench();
    const { authority, server, client } = await makeStack();
    await bench.write("authority.pem", authority.certificate);
    await bench.write("authority.key", authority.key);
    await bench.write("server.pem", server.certificate);
    await bench.write("server.key", server.key);
    await bench.write("client.pem", client.certificate);
    await bench.write("stranger.pem", (await authorityFor(home)).certificate);
  });
  after(() => bench?.remove());

  const textOf = async (file: string) =>
    (await bench.openssl("x509", "-in", file, "-noout", "-text")).replace(/ *\n +/g, "\n ").replaceAll("CN = ", "CN=");
  const verify = (file: string, ...options: string[]) =>
    bench.openssl("verify", "-x509_strict", "-CAfile", "authority.pem", ...options, file);
  const refuses = (reason: RegExp, ...args: Parameters<typeof verify>) =>
    assert.rejects(verify(...args), (error) => error instanceof UserError && reason.test(error.message));
  const isNoAuthority = "basicConstraints=critical,CA:FALSE";
  /** A certificate that our code would not make, by the authority's key or by another. */
  const sign = (name: string, extensions: string[], issuer = "authority") =>
    bench.openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${name}`],
      ...["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`, "-days", "1", "-out", `${name}.pem`],
      ...["-keyout", `${name}.key`, ...extensions.flatMap((extension) => ["-addext", extension])],
    );

  it("reads an authority's dates, constraints and usages", async () => {
    const text = await textOf("authority.pem");
    for (const lines of authorityText) assert.ok(text.includes(`${lines}\n`), `${lines}\nis not in\n${text}`);
    const [, keyId] = /Subject Key Identifier:\n ([\dA-F:]{59})\n/.exec(text) ?? assert.fail(text);
    const name = `CN=piinit ${keyId?.replaceAll(":", "").slice(0, 12).toLowerCase()}`;
    assert.ok(text.includes(`Subject: ${name}\n`) && text.includes(`Issuer: ${name}\n`), text);
  });

  it("reads a certificate's dates, names and usages, and finds it signed by the authority's key", async () => {
    const text = await textOf("client.pem");
    for (const lines of certificateText) assert.ok(text.includes(`${lines}\n`), `${lines}\nis not in\n${text}`);
    const keyIdOf = (of: string, whose: string) =>
      new RegExp(`${whose} Key Identifier:\n ([\\dA-F:]{59})\n`).exec(of)?.[1];
    const issuer = keyIdOf(text, "Authority");
    assert.ok(issuer && issuer === keyIdOf(await textOf("authority.pem"), "Subject"));
    assert.ok(keyIdOf(text, "Subject") !== issuer);
  });

  it("finds the dates from 2050 on written with four digits of the year, and earlier ones with two", async () => {
    const times = async (file: string) =>
      (await bench.openssl("asn1parse", "-in", file))
        .match(/(UTC|GENERALIZED)TIME +:\w+/g)
        ?.map((time) => time.replace(/ +/, ""));
    assert.deepEqual(await times("authority.pem"), ["UTCTIME:200101000000Z", "GENERALIZEDTIME:20500101000000Z"]);
    assert.deepEqual(await times("client.pem"), ["UTCTIME:200101000000Z", "UTCTIME:400101000000Z"]);
  });

  it("accepts both, by the strictest rules, for both sides and from 2020 on", async () => {
    await verify("authority.pem");
    for (const purpose of ["sslserver", "sslclient"]) {
      await verify("server.pem", "-purpose", purpose);
      await verify("client.pem", "-purpose", purpose, "-attime", String(Date.UTC(2020, 0, 2) / 1000));
      await verify("client.pem", "-purpose", purpose, "-attime", String(Date.UTC(2039, 11, 31) / 1000));
    }
    await refuses(/certificate has expired/, "client.pem", "-attime", String(Date.UTC(2040, 0, 2) / 1000));
  });

  it("accepts the names and addresses of a certificate, and no others", async () => {
    for (const name of ["server.home.consul", "server.global.nomad", "localhost"])
      await verify("server.pem", "-verify_hostname", name);
    for (const address of ["127.0.0.1", "192.168.2.51", "192.168.2.52"])
      await verify("server.pem", "-verify_ip", address);
    for (const name of ["server.home.consul", "server.global.nomad", "monitor"])
      await refuses(/hostname mismatch/, "client.pem", "-verify_hostname", name);
    await refuses(/IP address mismatch/, "client.pem", "-verify_ip", "192.168.2.51");
  });

  it("takes the key for the certificate's", async () => {
    const ofKey = await bench.openssl("pkey", "-in", "server.key", "-pubout");
    assert.equal(ofKey, await bench.openssl("x509", "-in", "server.pem", "-noout", "-pubkey"));
  });

  it("refuses what is outside of the authority's constraints, even if its key has signed it", async () => {
    const outside = ["DNS:example.org", "DNS:notconsul", "IP:8.8.8.8", "IP:172.32.0.1", "IP:2001:db8::1"];
    for (const [index, name] of outside.entries()) {
      await sign(`outside${index}`, [`subjectAltName=${name}`, isNoAuthority]);
      await refuses(/permitted subtree violation/, `outside${index}.pem`);
    }
    await sign("inside", ["subjectAltName=DNS:pi1.home.arpa,IP:172.31.0.1,IP:169.254.7.7", isNoAuthority]);
    await verify("inside.pem", "-verify_hostname", "pi1.home.arpa");
  });

  it("refuses an authority below it", async () => {
    await sign("below", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]);
    await sign("leaf", ["subjectAltName=DNS:localhost", isNoAuthority], "below");
    await refuses(/path length constraint exceeded/, "leaf.pem", "-untrusted", "below.pem");
  });

  it("knows nothing of another stack's authority, and says so", async () => {
    await bench.openssl("verify", "-CAfile", "stranger.pem", "stranger.pem");
    await assert.rejects(
      bench.openssl("verify", "-CAfile", "stranger.pem", "server.pem"),
      /unable to get local issuer/,
    );
  });
});

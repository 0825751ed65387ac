import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";
import { clientImage, home } from "./stack.ts";

describe("a stack's certificate authority", () => {
  it("stays the same in a generation, whatever else changes", async () => {
    const first = await authorityFor(home);
    const again = await authorityFor({ ...home, domain: "other.arpa", cidr: "10.0.0.0/16" }, first);
    assert.deepEqual(again, first);
  });

  it("is another one in another generation, with another key and another secret", async () => {
    const first = await authorityFor(home);
    const second = await authorityFor({ ...home, generation: 2 }, first);
    const third = await authorityFor({ ...home, generation: 3 }, second);
    assert.deepEqual([second.generation, third.generation], [2, 3]);
    assert.equal(new Set([first, second, third].map(({ secret }) => secret)).size, 3);
    assert.equal(new Set([first, second, third].map(({ key }) => key)).size, 3);
    assert.ok(!JSON.stringify(second).includes(JSON.stringify(first.key)));
  });

  it("has a name that no other has", async () => {
    const made = await Promise.all([authorityFor(home), authorityFor(home)]);
    const [one, other] = made.map(({ certificate }) => new X509Certificate(certificate).subject);
    assert.match(one ?? "", /^CN=piinit [0-9a-f]{12}$/);
    assert.notEqual(one, other);
  });

  it("refuses names and addresses that it doesn't permit, with what it does", async () => {
    const authority = await authorityFor({ ...home, cidr: "203.0.113.77/28" });
    const make = (names: string[], addresses: string[]) => certify({ authority, ...clientImage, names, addresses });
    await make(["consul", "a.b.consul", "pi1.home.arpa"], ["203.0.113.64", "203.0.113.79", "10.1.2.3"]);
    const refused = ["example.org", "notconsul", "arpa", "203.0.113.63", "203.0.113.80", "8.8.8.8"];
    await assert.rejects(make(["localhost", ...refused.slice(0, 3)], ["127.0.0.1", ...refused.slice(3)]), {
      name: "UserError",
      message: [
        `The stack's certificate authority can't vouch for ${refused.join(", ")}: it was made for another domain or network.`,
        [
          "A name must be in consul, nomad, localhost, home.arpa; an address must be in",
          "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8, 169.254.0.0/16, 203.0.113.64/28.",
        ].join(" "),
        "Raise the authority's generation, which makes another one.",
      ].join("\n"),
    });
  });

  it("is made by a library that takes its time to load, so nobody but the step's program loads it", async () => {
    const loads = /from "(@peculiar\/.*|(\.|.*security)\/(authority|certificate)\.ts)"/;
    const loading = async (folder: string) => {
      const names = (await readdir(path.join(projectDir, folder), { recursive: true })).sort();
      const files = names.filter((name) => name.endsWith(".ts")).map((name) => path.join(folder, name));
      const texts = await Promise.all(files.map((file) => readFile(path.join(projectDir, file), "utf8")));
      return files.filter((_, index) => loads.test(texts[index] ?? ""));
    };
    const room = ["authority", "certificate", "main", "signer"].map((file) => `steps/security/${file}.ts`);
    assert.deepEqual(await loading("steps/security"), room);
    assert.deepEqual([...(await loading("cli")), ...(await loading("components"))], []);
  });
});

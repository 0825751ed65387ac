import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../../../components/settings.ts";
import { secretsOf } from "../../../components/short-router.ts";
import { projectDir } from "../../../lib/paths.ts";
import { routerKinds } from "../../../steps/router/catalogue.ts";

const folder = path.join(projectDir, "docs/routers");
const pages = readdirSync(folder).filter((file) => file.endsWith(".md"));
const textOf = (page: string) => readFileSync(path.join(folder, page), "utf8");

type Network = Record<string, unknown> & { router: Record<string, unknown> };

/** The settings that a page shows: each block as it is, and with each of the lines that it has as a comment. */
function networksOf(page: string): Network[] {
  const network = (lines: string): Network => parse(lines)["piinit:network"];
  return [...inFull(textOf(page)).matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, lines = ""]) => {
    const optional = [...lines.matchAll(/^ {6}# (\w+: .*)$/gm)].map(([, line = ""]) => line);
    return [network(lines), ...optional.map((line) => network(`${lines}      ${line}\n`))];
  });
}

/** A fingerprint and a host key are too long for a page. */
const inFull = (text: string) =>
  text.replaceAll("A0:A1:…", Array(32).fill("A0").join(":")).replaceAll("AAAA…", "AAAAC3NzaC1lZDI1NTE5AAAAIEX");

/** The secrets that a page tells to set. */
const toldSecrets = (page: string): string[] =>
  [...textOf(page).matchAll(/piinit secret network\.router\.(\w+) home/g)].map(([, name = ""]) => name);

/** The other settings of a stack. */
const rest = (cidr: string) => ({
  images: { server: { board: "pi4", roles: { consul: "server" } } },
  machines: [1, 2, 3].map((n) => ({
    name: `pi${n}`,
    mac: `b8:27:eb:00:00:0${n}`,
    ip: cidr.replace(/0\/24$/, `5${n}`),
    image: "server",
  })),
});

describe("a router's page", () => {
  it("is there for each kind that isn't set up by hand", () => {
    assert.deepEqual(
      pages.map((page) => page.replace(".md", "")).sort(),
      routerKinds.filter((one) => one !== "manual").sort(),
    );
  });

  for (const page of pages) {
    it(`shows lines that are right, with the secrets that it tells to set: ${page}`, () => {
      const kinds = networksOf(page).map((network) => {
        const { url, kind, user } = network.router;
        // Over SSH there is none.
        const needed = url ? secretsOf(String(kind), user !== undefined) : [];
        for (const name of needed) assert.ok(toldSecrets(page).includes(name), name);
        const secrets = Object.fromEntries(needed.map((name) => [name, "secret"]));
        const settings = {
          ...rest(String(network.cidr)),
          network: { ...network, router: { ...network.router, ...secrets } },
        };
        return parseSettings(settings, "home").network.router.kind;
      });
      assert.ok(kinds.length > 0);
      assert.deepEqual([...new Set(kinds)], [page.replace(".md", "")]);
    });

    it(`says what to set, what is changed, what that costs, what stays and what was tested: ${page}`, () => {
      for (const part of [
        "In the stack's file",
        "What is changed",
        "What a change costs",
        "What stays",
        "What was tested",
      ])
        assert.match(textOf(page), new RegExp(`\\*\\*${part}\\b`));
    });
  }
});

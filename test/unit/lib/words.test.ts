import assert from "node:assert/strict";
import { anyOf, nearest, printable, suggestion } from "../../../lib/words.ts";

const roles = ["consul", "nomad", "dnsmasq", "node-exporter", "prometheus", "ssh", "terraform", "wifi"];

describe("a word that was probably meant", () => {
  const meant: [string, string | undefined][] = [
    ["promtheus", "prometheus"],
    ["prometehus", "prometheus"],
    ["node_exporter", "node-exporter"],
    ["Consul", "consul"],
    ["wfii", "wifi"],
    ["ss", "ssh"],
    ["docker", undefined],
    ["x", undefined],
    ["", undefined],
  ];
  for (const [word, expected] of meant)
    it(`is ${expected ?? "none"} for "${word}"`, () => assert.equal(nearest(word, roles), expected));

  it("is the nearest of several", () => assert.equal(nearest("pi33", ["pi2", "pi3", "pi-zero"]), "pi3"));

  it("is suggested where there is one, and never the word itself", () => {
    assert.equal(suggestion("nomda", roles), "; did you mean `nomad`?");
    for (const word of ["nomad", "docker", 7, undefined, null]) assert.equal(suggestion(word, roles), "");
  });
});

describe("words to choose from", () => {
  it("have an or before the last", () => {
    assert.equal(anyOf(["a", "b", "c"]), "a, b or c");
    assert.equal(anyOf(["a", "b"]), "a or b");
    assert.equal(anyOf(["a"]), "a");
    assert.equal(anyOf([]), "");
  });
});

describe("a text of another program", () => {
  it("is shown without colours, and without what moves a terminal's cursor", () => {
    const text = "\u001b[2J\u001b[1;31mdnsmasq:\u001b[0m\tno\r\nsuch\u0000 f\u009b\u202eile \u00e9";
    assert.equal(printable(text), "dnsmasq:\tno\nsuch file \u00e9");
  });
});

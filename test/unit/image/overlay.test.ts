import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import {
  type Additions,
  type OverlayEntry,
  planOverlay,
  renderCommands,
} from "../../../steps/image/filesystem/overlay.ts";
import { parseTree, resolveFolders } from "../../../steps/image/filesystem/tree.ts";

const listed = (type: string, path: string, target = "") => `${type} 755 0 0 1 ${path}\0${target}\0`;
const tree = parseTree(
  [
    listed("d", "etc"),
    listed("f", "etc/motd"),
    listed("f", "etc/a file"),
    listed("l", "etc/resolv.conf", "../run/resolv.conf"),
    listed("l", "lib", "usr/lib"),
    listed("d", "usr"),
    listed("d", "usr/lib"),
    listed("l", "loop", "loop"),
  ].join(""),
);
const accounts = {
  passwd: "root:x:0:0:root:/root:/bin/sh\nprometheus:x:100:101::/:/bin/false\n",
  group: "root:x:0:\nshadow:x:42:\nprometheus:x:101:\n",
  shadow: "root:*:20000::::::\n",
  gshadow: "root:*::\n",
};
const planned = (additions: Additions) => planOverlay("server", additions, tree, accounts);
const file = (path: string, owner = "root", mode = "0644") => ({ path, owner, mode, text: "text" });
const refusal = (additions: Additions): string => {
  try {
    planned(additions);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  return assert.fail("nothing was refused");
};

describe("what a manifest adds to a file system", () => {
  it("goes where symbolic links in the folders lead", () => {
    assert.deepEqual(
      planned({ files: [file("/lib/x.service")] }).map(({ path }) => path),
      ["/usr/lib/x.service"],
    );
    assert.throws(() => resolveFolders(tree, "/loop/x"), /too many symbolic links/);
  });

  it("creates missing parents, once", () => {
    const paths = planned({ files: [file("/etc/a/b/one"), file("/etc/a/b/two")] }).map(({ path }) => path);
    assert.deepEqual(paths, ["/etc/a", "/etc/a/b", "/etc/a/b/one", "/etc/a/b/two"]);
  });

  it("replaces files and links that exist", () => {
    const entries = planned({ files: [file("/etc/motd")], links: [{ path: "/etc/resolv.conf", target: "/run/x" }] });
    assert.deepEqual(
      entries.map((entry) => "replaces" in entry && entry.replaces),
      [true, true],
    );
  });

  it("gives owners their numbers, those of the packages and those of new users", () => {
    const users = [{ name: "consul", id: 801, home: "/data" }];
    const entries = planned({ users, files: [file("/etc/c", "consul"), file("/etc/p", "prometheus")] });
    const numbers = entries.slice(0, 2).map((entry) => "uid" in entry && [entry.uid, entry.gid]);
    assert.deepEqual(numbers, [
      [801, 801],
      [100, 101],
    ]);
  });

  it("names new users in all four files, without a password or a shell", () => {
    const entries = planned({ users: [{ name: "consul", id: 801, home: "/data/consul" }] });
    const texts = new Map(
      entries.map((entry) => [entry.path, entry.type === "file" && "text" in entry.content ? entry.content.text : ""]),
    );
    assert.match(texts.get("/etc/passwd") ?? "", /^consul:x:801:801::\/data\/consul:\/usr\/sbin\/nologin$/m);
    assert.match(texts.get("/etc/group") ?? "", /^consul:x:801:$/m);
    assert.match(texts.get("/etc/shadow") ?? "", /^consul:!\*:::::::$/m);
    assert.match(texts.get("/etc/gshadow") ?? "", /^consul:!\*::$/m);
    const shadow = entries.find(({ path }) => path === "/etc/shadow");
    assert.deepEqual(shadow && "gid" in shadow && [shadow.mode, shadow.gid], ["0640", 42]);
  });

  it("is refused with all faults at once", () => {
    const message = refusal({
      users: [{ name: "other", id: 100, home: "/" }],
      files: [file("/etc/x", "nobody-knows"), file("/etc"), file("/etc/y", "root", "rw"), file("/etc/motd/sub")],
      directories: [{ path: "/etc/motd", mode: "0755", owner: "root" }],
      links: [{ path: "/etc/x", target: "a b" }],
    });
    for (const part of [
      "user other (100): /etc/passwd already has prometheus (100)",
      '/etc/x: there is no user "nobody-knows"',
      "/etc: should be a file, but there is a directory",
      '/etc/y: "rw" is not a mode',
      "/etc/motd is a file",
      "/etc/motd: should be a directory, but there is a file",
      'target "a b"',
    ]) {
      assert.ok(message.includes(part), `${part}\nis missing in\n${message}`);
    }
  });

  it("is refused if two entries have the same path", () => {
    assert.match(refusal({ files: [file("/lib/x"), file("/usr/lib/x")] }), /\/usr\/lib\/x: named twice/);
  });

  for (const hostile of [
    "/etc/a b",
    '/etc/a"b',
    "/etc/a\nrm /etc/passwd",
    "etc/x",
    "/etc/../x",
    "/etc//x",
    "/etc/<2>",
    "/",
    "",
    "/etc/é",
  ]) {
    it(`is refused at the path ${JSON.stringify(hostile)}`, () => {
      const message = refusal({ files: [file(hostile)] });
      assert.ok(message.includes(hostile.includes("..") ? hostile : JSON.stringify(hostile)), message);
    });
  }
});

describe("the commands for debugfs", () => {
  it("set type, permissions, owner and times of what they write", () => {
    const entry: OverlayEntry = {
      type: "file",
      path: "/etc/consul.d/gossip.json",
      mode: "0600",
      uid: 801,
      gid: 801,
      replaces: true,
      content: { text: "secret" },
    };
    const text = renderCommands([entry], new Map([[entry, "file-0"]]), 1000);
    assert.deepEqual(text.split("\n").slice(0, 6), [
      "rm /etc/consul.d/gossip.json",
      "cd /etc/consul.d",
      "write file-0 gossip.json",
      "set_inode_field /etc/consul.d/gossip.json mode 0100600",
      "set_inode_field /etc/consul.d/gossip.json uid 801",
      "set_inode_field /etc/consul.d/gossip.json gid 801",
    ]);
    assert.ok(!text.includes("secret"));
    assert.match(text, /set_inode_field \S+ mtime @1000\n/);
  });

  it("make only directories that are not there", () => {
    const directory = (path: string, exists: boolean) => ({
      type: "directory" as const,
      path,
      mode: "0750",
      uid: 1,
      gid: 2,
      exists,
    });
    const text = renderCommands([directory("/etc", true), directory("/new", false)], new Map(), 0);
    assert.ok(!text.includes("mkdir /etc\n"));
    assert.ok(text.includes("mkdir /new\nset_inode_field /new mode 040750\n"));
  });

  it("make links by name in their folder", () => {
    const text = renderCommands([{ type: "link", path: "/etc/x", target: "../run/x", replaces: false }], new Map(), 0);
    assert.equal(text, "cd /etc\nsymlink x ../run/x\n");
  });
});

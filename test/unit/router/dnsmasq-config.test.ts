import assert from "node:assert/strict";
import {
  commandLineOptions,
  confDir,
  fileOptions,
  hostsFileEntries,
  normalDir,
  parseEntry,
  parseLeases,
} from "../../../steps/router/drivers/dnsmasq/config.ts";

describe("dnsmasq's configuration", () => {
  it("is read from a command line in all its spellings", () => {
    const args = [
      "-x",
      "/run/d.pid",
      "--conf-file=/a.conf",
      "-C",
      "/b.conf",
      "-7/etc/d,.bak",
      "--dhcp-hostsdir",
      "/h",
      "-k",
    ];
    assert.deepEqual(commandLineOptions(args), [
      { name: "conf-file", value: "/a.conf" },
      { name: "conf-file", value: "/b.conf" },
      { name: "conf-dir", value: "/etc/d,.bak" },
      { name: "dhcp-hostsdir", value: "/h" },
    ]);
  });

  it("is read from a file without comments, quotes and what does not matter", () => {
    const text =
      '# dhcp-host=no\ninterface=lan\n  dhcp-hostsdir = "/etc/hosts.d" # ours\ndhcp-host=aa:bb:cc:dd:ee:ff,pi1\n#conf-file=/x\n';
    assert.deepEqual(fileOptions(text), [
      { name: "dhcp-hostsdir", value: "/etc/hosts.d" },
      { name: "dhcp-host", value: "aa:bb:cc:dd:ee:ff,pi1" },
    ]);
  });

  it("says which files of a folder count", () => {
    const all = confDir("/etc/dnsmasq.d/");
    assert.equal(all.path, "/etc/dnsmasq.d");
    assert.ok(all.reads("/etc/dnsmasq.d/a") && !all.reads("/etc/dnsmasq.d/a~"));
    const butBackups = confDir("/etc/dnsmasq.d,.dpkg-dist,.dpkg-old");
    assert.ok(butBackups.reads("a.conf") && !butBackups.reads("a.dpkg-old"));
    const only = confDir("/etc/dnsmasq.d,*.conf");
    assert.ok(only.reads("a.conf") && !only.reads("a"));
  });

  it("compares folders in one form", () => {
    assert.equal(normalDir("/etc//dnsmasq/hosts/"), "/etc/dnsmasq/hosts");
    assert.equal(normalDir("/"), "/");
  });

  it("takes MAC, address and name from an entry, in any order and case", () => {
    const entry = parseEntry("f", "set:pi,B8:27:EB:0:0:1, PI1.home ,192.168.2.51,12h");
    assert.deepEqual(
      [entry.macs, entry.ip, entry.name, entry.ignored],
      [["b8:27:eb:00:00:01"], "192.168.2.51", "pi1", false],
    );
  });

  it("does not take a lease time, a tag, a client identifier or an IPv6 address for a name", () => {
    for (const text of ["infinite", "45m", "3600", "set:red", "id:01:02", "[::51]", "*", "b8:27:*:*:*:*"]) {
      const entry = parseEntry("f", `192.168.2.51,${text}`);
      assert.deepEqual([entry.macs, entry.name], [[], undefined], text);
    }
    assert.ok(parseEntry("f", "b8:27:eb:00:00:01,ignore").ignored);
  });

  it("reads several MACs of one machine, and leaves comments of hosts files out", () => {
    const [first, ...more] = hostsFileEntries(
      "f",
      "# mine\n06-b8:27:eb:00:00:01,b8:27:eb:00:00:02,192.168.2.51,pi1 # both\n\n",
    );
    assert.deepEqual(first?.macs, ["b8:27:eb:00:00:01", "b8:27:eb:00:00:02"]);
    assert.deepEqual(more, []);
  });

  it("reads the lease table, without names not given and without IPv6", () => {
    const text = [
      "1795363992 b8:27:eb:00:00:01 192.168.2.51 pi1 01:b8:27:eb:00:00:01",
      "0 B8:27:EB:00:00:02 192.168.2.52 * *",
      "duid 00:01:00:01:2c",
      "1795363992 123456 fd00::51 pi1 00:01",
    ].join("\n");
    assert.deepEqual(parseLeases(text), [
      { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51", expires: 1795363992 },
      { name: "", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52", expires: 0 },
    ]);
  });
});

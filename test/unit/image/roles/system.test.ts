import assert from "node:assert/strict";
import { timeSync } from "../../../../steps/image/roles/time.ts";
import { fileOf, imageWith, jsonOf, linkOf, settingsOf, textOf } from "./fixture.ts";

const units = "/etc/systemd/system";
const image = imageWith({});

describe("the time of an image", () => {
  const wait = "systemd-time-wait-sync.service";
  const linksOf = (hasClock: boolean) =>
    new Map(timeSync({ hasClock }).links?.map(({ path, target }) => [path, target]) ?? []);
  const textIn = (hasClock: boolean, path: string) =>
    timeSync({ hasClock }).files?.find((file) => file.path === path)?.text ?? assert.fail(`no ${path}`);

  it("holds back what needs it on a board without a clock, but not for ever", () => {
    assert.equal(linksOf(false).get(`${units}/sysinit.target.wants/${wait}`), `/usr/lib/systemd/system/${wait}`);
    assert.match(textIn(false, `${units}/${wait}.d/timeout.conf`), /^ExecStart=-.*timeout \d+ .*time-wait-sync$/m);
  });

  it("holds nothing back where there is a clock", () => {
    assert.equal(linksOf(true).get(`${units}/${wait}`), "/dev/null");
    assert.ok(!linksOf(true).has(`${units}/sysinit.target.wants/${wait}`));
  });

  it("is asked for where the board does not get it from its host", () => {
    const link = `${units}/sysinit.target.wants/${wait}`;
    const [pi, pc] = [imageWith({}, { board: "pi3" }), imageWith({}, { board: "amd64" })];
    for (const { packages } of [pi, pc]) assert.ok(packages.includes("systemd-timesyncd"));
    assert.ok(linkOf(pi, link));
    assert.equal(linkOf(pc, link), undefined);
    assert.ok(!image.packages.includes("systemd-timesyncd"));
  });

  it("comes before the agents", () => {
    assert.match(textOf(image, `${units}/consul.service`), /^After=.*\btime-sync\.target\b/m);
  });
});

describe("an image that is kind to its card", () => {
  it("has no swap and no timers that write", () => {
    const writers = ["apt-daily.timer", "dpkg-db-backup.timer", "fstrim.timer", "logrotate.timer", "man-db.timer"];
    for (const unit of [...writers, "e2scrub_all.timer", "swap.target", "systemd-rfkill.socket"])
      assert.equal(linkOf(image, `${units}/${unit}`), "/dev/null", unit);
    assert.doesNotMatch(textOf(image, "/etc/fstab"), /swap/);
  });

  it("has its log in memory, bounded, and writes no access times", () => {
    const journal = textOf(image, "/etc/systemd/journald.conf.d/memory.conf");
    assert.deepEqual(settingsOf(journal, "Storage"), ["volatile"]);
    assert.equal(settingsOf(journal, "RuntimeMaxUse").length, 1);
    for (const line of textOf(image, "/etc/fstab").trim().split("\n")) assert.match(line, /noatime/);
  });
});

describe("SSH", () => {
  it("is off in an image without the role, also where the base brings it", () => {
    for (const unit of ["ssh.service", "ssh.socket"]) assert.equal(linkOf(image, `${units}/${unit}`), "/dev/null");
    assert.ok(!image.packages.includes("openssh-server"));
  });

  it("takes keys and nothing else", () => {
    const withSsh = imageWith({ ssh: { keys: ["ssh-ed25519 AAAA me"] } });
    const config = textOf(withSsh, "/etc/ssh/sshd_config.d/00-piinit.conf");
    for (const line of [
      "AuthenticationMethods publickey",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
    ])
      assert.ok(config.split("\n").includes(line), line);
    assert.equal(fileOf(withSsh, "/root/.ssh/authorized_keys").mode, "0600");
    assert.notEqual(linkOf(withSsh, `${units}/ssh.service`), "/dev/null");
  });
});

describe("the role node-exporter", () => {
  const exporter = imageWith({ "node-exporter": true });

  it("is registered in Consul with a check, for Prometheus to find", () => {
    const { service } = jsonOf(exporter, "/etc/consul.d/node-exporter.json");
    assert.equal(service.port, 9100);
    assert.deepEqual(service.tags, ["prom"]);
    assert.equal(service.checks.length, 1);
  });

  it("reads other programs' metrics from a folder in memory", () => {
    assert.match(
      textOf(exporter, "/etc/default/prometheus-node-exporter"),
      /textfile\.directory=\/run\/node-exporter"/,
    );
    assert.match(textOf(exporter, "/etc/tmpfiles.d/node-exporter.conf"), /^d \/run\/node-exporter /);
  });
});

describe("the role terraform", () => {
  it("brings the program", () => {
    const [program] = imageWith({ terraform: true }).programs.filter(({ name }) => name === "terraform");
    assert.equal(program?.path, "/usr/local/bin/terraform");
    assert.match(program?.version ?? "", /^\d+\.\d+\.\d+$/);
  });
});

describe("packages and files of the settings", () => {
  const motd = { path: "/etc/motd", mode: "0644", owner: "root", text: "hello\n" };

  it("are in the image", () => {
    const more = imageWith({}, { packages: ["htop", "git"], files: [motd] });
    for (const name of ["htop", "git"]) assert.ok(more.packages.includes(name));
    assert.deepEqual(fileOf(more, "/etc/motd"), motd);
  });

  it("may not take the place of a role's file", () => {
    assert.throws(
      () => imageWith({}, { files: [{ ...motd, path: "/etc/consul.d/consul.json" }] }),
      /The image test has \/etc\/consul\.d\/consul\.json twice/,
    );
  });
});

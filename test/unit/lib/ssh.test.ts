import assert from "node:assert/strict";
import { type Login, sshArguments, sshFailure } from "../../../lib/ssh.ts";

const login: Login = { host: "router.home", port: 2222, user: "root" };
const changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification failed.\r\n";
const unknown =
  "No ED25519 host key is known for [router.home]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n";

describe("the ssh command", () => {
  it("checks the host key, never asks, and leaves the rest to the user's own configuration", () => {
    const args = sshArguments(login, undefined, "sh -s");
    for (const option of ["BatchMode=yes", "StrictHostKeyChecking=yes"]) assert.ok(args.includes(option));
    assert.ok(!args.includes("-F") && !args.includes("-i") && !args.join(" ").includes("KnownHosts"));
    assert.deepEqual(args.slice(-3), ["--", "router.home", "sh -s"]);
  });

  it("trusts nothing but a given host key, and uses nothing but a given key", () => {
    const args = sshArguments({ ...login, hostKey: "k", keyFile: "/id" }, "/tmp/known", "sh -s");
    for (const option of ["UserKnownHostsFile=/tmp/known", "GlobalKnownHostsFile=/dev/null", "IdentitiesOnly=yes"])
      assert.ok(args.includes(option), option);
    assert.equal(args[args.indexOf("-i") + 1], "/id");
  });
});

describe("what a failed connection means", () => {
  it("is told apart: another host key, an unknown one, no permission, no answer", () => {
    assert.match(
      sshFailure("router", login, changed),
      /has another host key than your known_hosts file says: nothing was sent/,
    );
    assert.match(
      sshFailure("router", { ...login, hostKey: "k" }, unknown),
      /has another host key than the stack's hostKey setting/,
    );
    assert.match(
      sshFailure("router", login, unknown),
      /is not in your known_hosts file.*ssh -p 2222 root@router\.home/s,
    );
    assert.match(
      sshFailure("router", login, "root@router.home: Permission denied (publickey).\r\n"),
      /does not let root in with your SSH keys/,
    );
    assert.match(sshFailure("router", { ...login, keyFile: "/id" }, "Permission denied (publickey)."), /with \/id/);
    assert.match(
      sshFailure("router", login, "ssh: connect to host router.home port 2222: No route to host\r\n"),
      /can't reach the router router\.home, port 2222: .*No route/,
    );
    assert.match(sshFailure("router", login, ""), /the connection ended early/);
  });

  it("never advises to forget a host key blindly", () => {
    for (const stderr of [changed, unknown]) assert.doesNotMatch(sshFailure("router", login, stderr), /ssh-keygen -R/);
  });
});

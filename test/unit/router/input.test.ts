import assert from "node:assert/strict";
import { check, releaseInput, reserveInput } from "../../../commands/router/input.ts";
import { UserError } from "../../../lib/errors.ts";

const router = {
  kind: "dnsmasq",
  host: "192.168.2.1",
  port: 22,
  user: "root",
  hostsDir: "/etc/piinit hosts",
  leaseFile: "/var/leases",
};
const reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };

describe("what the router program is given", () => {
  const refused = (change: object, path: string) =>
    assert.throws(
      () => check(reserveInput, { router, reservation, ...change }),
      (error) => error instanceof UserError && error.message.includes(`  ${path}: `),
    );

  it("passes when it is well formed", () => {
    check(reserveInput, { router, reservation });
    check(reserveInput, {
      router: { ...router, hostKey: "ssh-ed25519 AAAA+/b==", keyFile: "/k" },
      reservation,
      previous: reservation,
    });
    check(reserveInput, { router: { kind: "manual" }, reservation });
  });

  it("is refused when it could mean more to a shell, to ssh or to dnsmasq than it says", () => {
    for (const host of ["-oProxyCommand=x", "a b", "$(x)", "a;b", ""])
      refused({ router: { ...router, host } }, "router.host");
    for (const user of ["-l", "root@x", "a\nb"]) refused({ router: { ...router, user } }, "router.user");
    for (const hostsDir of ["relative", "/a\nb", "/a'b", "/a$b"])
      refused({ router: { ...router, hostsDir } }, "router.hostsDir");
    for (const hostKey of ["ssh-ed25519", "ssh-ed25519 AAAA\n* ssh-rsa BBBB", "@cert-authority"])
      refused({ router: { ...router, hostKey } }, "router.hostKey");
    for (const name of ["Pi1", "pi_1", "-pi", "pi1,ignore", "pi1\n", "a".repeat(64)])
      refused({ reservation: { ...reservation, name } }, "reservation.name");
    for (const mac of ["B8:27:EB:00:00:01", "b8:27:eb:00:00", "*:*:*:*:*:*"])
      refused({ reservation: { ...reservation, mac } }, "reservation.mac");
    for (const ip of ["192.168.2", "192.168.2.051", "::1"])
      refused({ reservation: { ...reservation, ip } }, "reservation.ip");
    refused({ router: { kind: "fritzbox" } }, "router.kind");
  });

  it("is refused with an example's MAC address, which may still be released", () => {
    const example = { ...reservation, mac: "00:00:5e:00:53:01" };
    assert.throws(
      () => check(reserveInput, { router, reservation: example }),
      /put pi1's own address into the stack's file/,
    );
    check(reserveInput, { router, reservation, previous: example });
    check(releaseInput, { router, reservation: example });
  });
});

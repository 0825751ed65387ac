import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { checkInput } from "../../../steps/contract.ts";
import { routerStep } from "../../../steps/router/contract.ts";

const router = {
  kind: "dnsmasq",
  host: "192.168.2.1",
  port: 22,
  user: "root",
  hostsDir: "/etc/piinit hosts",
  leaseFile: "/var/leases",
};
const reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };

const check = (verb: "apply" | "clear", input: unknown) => checkInput("router", routerStep.verbs[verb].input, input);

describe("what the router program is given", () => {
  const given = { router, owner: "home", reservations: [reservation] };
  const refused = (change: object, path: string) =>
    assert.throws(
      () => check("apply", { ...given, ...change }),
      (error) => error instanceof UserError && error.message.includes(`  ${path}: `),
    );

  it("passes when it is well formed", () => {
    check("apply", given);
    check("apply", { ...given, router: { ...router, hostKey: "ssh-ed25519 AAAA+/b==", keyFile: "/k" } });
    check("apply", { ...given, router: { kind: "manual" } });
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
      refused({ reservations: [reservation, { ...reservation, name }] }, "reservations.1.name");
    for (const mac of ["B8:27:EB:00:00:01", "b8:27:eb:00:00", "*:*:*:*:*:*"])
      refused({ reservations: [{ ...reservation, mac }] }, "reservations.0.mac");
    for (const ip of ["192.168.2", "192.168.2.051", "::1"])
      refused({ reservations: [{ ...reservation, ip }] }, "reservations.0.ip");
    for (const owner of ["", "../home", "a b", "home\n"]) refused({ owner }, "owner");
    refused({ router: { kind: "speedport" } }, "router.kind");
  });

  it("is refused with an example's MAC address, which may still be released", () => {
    const reservations = [{ ...reservation, mac: "00:00:5e:00:53:01" }];
    assert.throws(() => check("apply", { ...given, reservations }), /put pi1's own address into the stack's file/);
    check("clear", { ...given, reservations });
  });
});

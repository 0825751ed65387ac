import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";
import { UserError } from "../../../lib/errors.ts";

/** A machine of the home, by its number. */
export const machine = (number: number, more: object = {}) => ({
  name: `pi${number}`,
  mac: `b8:27:eb:00:00:0${number}`,
  ip: `192.168.2.5${number}`,
  image: "server",
  ...more,
});

/** A home of three servers, with whatever else is given. */
export const home = (more: object = {}) => ({
  network: { cidr: "192.168.2.0/24" },
  images: { server: { board: "pi3", roles: { consul: "server", nomad: "both" } } },
  machines: [machine(1), machine(2), machine(3)],
  ...more,
});

/** A network whose router is driven, with these settings of the driver. */
export const router = (more: object) => ({
  network: {
    cidr: "192.168.2.0/24",
    router: { kind: "dnsmasq", host: "192.168.2.1", hostsDir: "/etc/piinit", ...more },
  },
});

/** The message that refuses these settings. */
export const faultsOf = (settings: object): string => {
  try {
    parseSettings(settings as Record<string, unknown>, "home");
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message;
  }
  return assert.fail("these settings should have been refused");
};

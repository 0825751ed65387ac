import assert from "node:assert/strict";
import { convert } from "../../../../cli/import/home-stack.ts";
import { readVariables } from "../../../../cli/import/packer-variables.ts";

/** The original's variables of its servers, and of its monitor. */
export const servers = { consul: "server", nomad: "server", promarch: "linux-armv7" };
export const monitor = {
  wifi_name: "Home Sweet",
  wifi_password: "correct horse",
  consul: "client",
  dnsmasq: "true",
  promarch: "linux-armv6",
  prometheus: "true",
  corehosts: "pi1,pi2,pi3",
  terraform: "true",
};
export const machines = [1, 2, 3, 4].map((n) => ({
  name: n < 4 ? `pi${n}` : "zero1",
  mac: `b8:27:eb:00:00:0${n}`,
  ip: `192.168.2.5${n}`,
}));

export const read = (...contents: object[]) =>
  readVariables(contents.map((content, index) => ({ name: `file${index + 1}.json`, text: JSON.stringify(content) })));
/** The stack that such files become. */
export const imported = (...contents: object[]) => {
  const { images, faults } = read(...contents);
  assert.deepEqual(faults, []);
  return convert(images, machines, "DE");
};
export const rolesOf = ({ settings }: ReturnType<typeof convert>, image: string) =>
  (settings.images as Record<string, { board: string; roles: Record<string, unknown> }>)[image];

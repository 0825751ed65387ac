import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../../../../components/settings.ts";
import { UserError } from "../../../../lib/errors.ts";
import { projectDir } from "../../../../lib/paths.ts";
import { imported, monitor, servers } from "./original.ts";

describe("the stack example", () => {
  const file = parse(readFileSync(path.join(projectDir, "stacks", "Pulumi.example.yaml"), "utf8"));
  const raw = (): Record<string, unknown> =>
    structuredClone(
      Object.fromEntries(
        Object.entries(file.config as object).map(([key, value]) => [key.replace("piinit:", ""), value]),
      ),
    );

  it("is valid as it is shipped, except for the missing Wi-Fi passphrase, and says how to set that", () => {
    assert.throws(
      () => parseSettings(raw(), "example"),
      new UserError(
        "The settings of stack example (stacks/Pulumi.example.yaml) can't be used:\n" +
          "  piinit:images.monitor.roles.wifi.passphrase  is missing; set it: ./piinit secret images.monitor.roles.wifi.passphrase example",
      ),
    );
    const settings = raw();
    (settings.images as { monitor: { roles: { wifi: object } } }).monitor.roles.wifi = {
      ssid: "Home",
      country: "DE",
      passphrase: "correct horse",
    };
    assert.deepEqual(Object.keys(parseSettings(settings, "example").images), ["server", "monitor"]);
  });

  it("allows building the servers' image without that passphrase, but not the monitor's", () => {
    assert.equal(parseSettings(raw(), "example", { onlyImage: "server" }).machines.length, 4);
    assert.throws(() => parseSettings(raw(), "example", { onlyImage: "monitor" }), /wifi\.passphrase {2}is missing/);
    assert.throws(
      () => parseSettings({ ...raw(), images: { monitor: null } }, "example", { onlyImage: "server" }),
      /images\.monitor {2}/,
    );
  });

  it("has the same images as an import of the original's variables", () => {
    const { settings } = imported(servers, monitor);
    const { images } = raw() as { images: { monitor: { roles: { wifi: object } } } };
    images.monitor.roles.wifi = { ssid: "Home Sweet", country: "DE" };
    assert.deepEqual(images, settings.images);
  });
});

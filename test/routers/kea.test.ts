import { rename, rm, symlink } from "node:fs/promises";
import { configuration } from "../../steps/router/drivers/kea/config.ts";
import { overSsh, reserved } from "../engine/router/kea/benches.ts";
import { flavours, startKeaOrSkip } from "../engine/router/kea/home.ts";
import { startRelay } from "../engine/router/relay.ts";
import { sshFaultCases } from "../engine/router/ssh-faults.ts";

// Kea 2 differs by HTTP only.
for (const flavour of flavours.filter(({ generation }) => generation === 3)) {
  // A change by host_cmds is many commands: socat is started for each of them, Python once for all.
  const talker = flavour.hooks.includes("host_cmds") ? "socat" : "python3";
  sshFaultCases(`${flavour.title} over SSH by ${talker}`, async (context) => {
    const relay = await startRelay(/"config-set"|"reservation-/);
    const home = await startKeaOrSkip(context, flavour, relay);
    await home.leaveOnly(talker);
    return {
      relay,
      bench: overSsh(home),
      folder: { here: home.bin, there: home.bin },
      programs: { apply: [talker], clear: [talker] },
      kept: async () => reserved(configuration.parse(JSON.parse(await home.file()))),
      leftovers: async () => [],
      restart: () => home.powerCycle(),
      faults: {
        "it can't write its file": async () => {
          await rename(home.configFile, `${home.configFile}.kept`);
          await symlink("/dev/full", home.configFile);
          return async () => {
            await rm(home.configFile);
            await rename(`${home.configFile}.kept`, home.configFile);
          };
        },
      },
    };
  });
}

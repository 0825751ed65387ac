import { pluginVersions } from "../versions.ts";
import { localCommand } from "./local-command.ts";
import { serve } from "./server.ts";

serve({
  name: "command",
  version: pluginVersions.command,
  settings: { required: [], optional: [] },
  resources: { "command:local:Command": localCommand },
});

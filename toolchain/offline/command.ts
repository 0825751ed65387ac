import { localCommand } from "./local-command.ts";
import { serve } from "./server.ts";

serve({
  name: "command",
  version: "1.2.1",
  settings: { required: [], optional: [] },
  resources: { "command:local:Command": localCommand },
});

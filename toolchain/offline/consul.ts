import { consulKeys } from "./consul-keys.ts";
import { serve } from "./server.ts";

serve({
  name: "consul",
  version: "3.15.1",
  settings: { required: ["address"], optional: ["scheme", "datacenter", "token"] },
  resources: { "consul:index/keys:Keys": consulKeys },
});

import { pluginVersions } from "../versions.ts";
import { consulKeys } from "./consul-keys.ts";
import { serve } from "./server.ts";

serve({
  name: "consul",
  version: pluginVersions.consul,
  settings: { required: ["address"], optional: ["scheme", "datacenter", "token", "caPem"] },
  resources: { "consul:index/keys:Keys": consulKeys },
});

import { pluginVersions } from "../versions.ts";
import { nomadJob } from "./nomad-job.ts";
import { serve } from "./server.ts";

serve({
  name: "nomad",
  version: pluginVersions.nomad,
  settings: { required: ["address"], optional: ["region", "secretId", "caPem"] },
  resources: { "nomad:index/job:Job": nomadJob },
});

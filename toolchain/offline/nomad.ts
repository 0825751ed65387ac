import { nomadJob } from "./nomad-job.ts";
import { serve } from "./server.ts";

serve({
  name: "nomad",
  version: "2.6.1",
  settings: { required: ["address"], optional: ["region", "secretId"] },
  resources: { "nomad:index/job:Job": nomadJob },
});

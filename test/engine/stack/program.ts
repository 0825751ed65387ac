import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { projectDir } from "../../../lib/paths.ts";
import { openAccess } from "../open-access.ts";
import { createProject, type Project } from "../project.ts";

/** A stack whose settings are read, and whose keys and jobs are made, as index.ts does it, on agents that are there already. */
export interface KeysAndJobs extends Project {
  /** Replaces the stack's settings, but not its secrets' salt; the values below `piinit:` are written as they are. */
  settings(settings: Record<string, unknown>): Promise<void>;
  /** Sets a secret as `./piinit secret` does. */
  secret(place: string, value: string): Promise<void>;
}

export async function createKeysAndJobs(consulUrl: string, nomadUrl: string): Promise<KeysAndJobs> {
  const project = await createProject();
  await symlink(path.join(projectDir, "steps"), path.join(project.dir, "steps"));
  const from = (name: string) => JSON.stringify(path.join(projectDir, "components", name));
  await project.program(`
    import * as pulumi from "@pulumi/pulumi";
    import { keepSecret, keepSecrets, readSettings, reportingFaults } from ${from("config.ts")};
    import { NomadJobs, readJobs } from ${from("jobs.ts")};
    import { ConsulKeys } from ${from("kv.ts")};
    import { serversOf } from ${from("../steps/image/roles/servers.ts")};

    const access = ${openAccess};
    const settings = readSettings();
    const jobs = reportingFaults(() => readJobs(settings.jobs));
    const kv = keepSecrets("kv", settings.kv);
    const hasNomad = serversOf(settings, "nomad").length > 0;
    export const consul = keepSecret("machines", ${JSON.stringify(consulUrl)});
    export const values = pulumi.output(kv);
    const keys = new ConsulKeys("keys", { consulUrl: consul, access, datacenter: settings.datacenter, values: kv });
    if (hasNomad) new NomadJobs("jobs", { nomadUrl: ${JSON.stringify(nomadUrl)}, access, servers: [${JSON.stringify(nomadUrl)}], jobs, isDisposable: false }, { dependsOn: [keys] });
  `);
  return {
    ...project,
    async settings(settings) {
      const config = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`piinit:${name}`, value]));
      await writeFile(path.join(project.dir, "Pulumi.test.yaml"), stringify({ config }));
    },
    async secret(place, value) {
      const { exitCode, output } = await project.pulumi(
        "config",
        "set",
        "--secret",
        "--path",
        `piinit:${place}`,
        value,
      );
      if (exitCode !== 0) throw new Error(output);
    },
  };
}

/** A home of three machines, and whatever else is given. */
export function homeWith(more: object, roles: object = { consul: "server", nomad: "both" }): Record<string, unknown> {
  return {
    network: { cidr: "192.168.2.0/24" },
    images: { server: { board: "pi4", roles } },
    machines: [1, 2, 3].map((number) => ({
      name: `pi${number}`,
      mac: `b8:27:eb:00:00:0${number}`,
      ip: `192.168.2.5${number}`,
      image: "server",
    })),
    ...more,
  };
}

/** A job that needs no machine, with a variable in its meta. */
export const idleJob = (name: string, type = "string") => `
# job "comment" {
variable "word" {
  type = ${type}
}
job "${name}" {
  meta {
    word = jsonencode(var.word)
  }
  group "main" {
    count = 0
    task "main" {
      driver = "raw_exec"
      config {
        command = "/bin/true"
      }
    }
  }
}
`;

/** What a job is to be like; a service whose task sleeps, unless told otherwise. */
export interface JobOptions {
  type?: string;
  datacenter?: string;
  driver?: string;
  /** The program and its arguments. */
  command?: string[];
  count?: number;
  /** MB */
  memory?: number;
  /** How long its task has to run to be healthy. */
  healthy?: string;
  /** By when each allocation has to be healthy. */
  healthyDeadline?: string;
  /** The deployment's progress deadline. */
  deadline?: string;
  /** Nomad tries again elsewhere, and so until the progress deadline, what fails. */
  reschedules?: boolean;
  /** A key of Consul that its task waits for. */
  template?: string;
  /** Of a periodic job: when it starts. */
  cron?: string;
  /** A port on 127.0.0.1 that its service is checked at; nothing listens there unless the task does. */
  checkedPort?: number;
}

/** A job file; what fails is not tried again, unless told otherwise. */
export function job(name: string, options: JobOptions = {}): string {
  const { type = "service", datacenter = "*", driver = "raw_exec", count = 1, memory = 10 } = options;
  const { healthy = "0s", healthyDeadline = "15s", deadline = "20s" } = options;
  const { template, cron, checkedPort, reschedules = false } = options;
  const [program, ...args] = options.command ?? ["/bin/sleep", "600"];
  const update = { min_healthy_time: healthy, healthy_deadline: healthyDeadline, progress_deadline: deadline };
  return `
job "${name}" {
  type        = "${type}"
  datacenters = ["${datacenter}"]
  ${cron ? block("periodic", { crons: [cron] }) : ""}
  group "main" {
    count = ${count}
    ${type === "batch" ? "" : block("update", update)}
    ${block("restart", { attempts: 0, mode: "fail" })}
    ${type === "system" || reschedules ? "" : block("reschedule", { attempts: 0, unlimited: false })}
    ${checkedPort ? service(name, checkedPort) : ""}
    task "main" {
      driver = "${driver}"
      ${block("config", driver === "docker" ? { image: "none" } : { command: program, args })}
      ${template ? block("template", { data: `{{ key "${template}" }}`, destination: "local/word" }) : ""}
      ${block("resources", { cpu: 10, memory })}
    }
  }
}
`;
}

function service(name: string, port: number): string {
  const check = block("check", { type: "tcp", interval: "1s", timeout: "1s" });
  return `service {\nname = "${name}"\naddress = "127.0.0.1"\nport = "${port}"\n${check}\n}`;
}

function block(name: string, values: Record<string, unknown>): string {
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [`${name} {`, ...lines, "}"].join("\n");
}

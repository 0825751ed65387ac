/** A batch job in Nomad's JSON whose task runs a shell script, with a template that the script can read as local/text. */
export function scriptJob(name: string, script: string, { template = "", consul = true } = {}): object {
  const task = {
    Name: name,
    Driver: "raw_exec",
    ...(consul && { Consul: {} }),
    Config: { command: "sh", args: ["-c", script] },
    Resources: { CPU: 10, MemoryMB: 20 },
    ...(template && { Templates: [{ DestPath: "local/text", EmbeddedTmpl: template }] }),
  };
  const group = {
    Name: name,
    Tasks: [task],
    RestartPolicy: { Attempts: 0, Mode: "fail" },
    ReschedulePolicy: { Attempts: 0, Unlimited: false },
  };
  return { Job: { ID: name, Name: name, Type: "batch", Datacenters: ["*"], TaskGroups: [group] } };
}

import { type Contribution, combine, script, unit } from "../manifest/contribution.ts";

const program = `#!/bin/sh
# Asks all tasks to end, and kills what is left of them and of their keepers after ten seconds.
groups=/sys/fs/cgroup
tasks() { find $groups/nomad.slice -name cgroup.procs -exec cat {} + 2>/dev/null; }

tasks | xargs -r kill 2>/dev/null
tries=0
while [ -n "$(tasks)" ] && [ $tries -lt 20 ]; do
  tries=$((tries + 1))
  sleep 0.5
done
for group in nomad.slice system.slice/nomad.service; do
  [ ! -e $groups/$group/cgroup.kill ] || echo 1 >$groups/$group/cgroup.kill
done
exit 0
`;

// What starts before the agent is stopped after it.
const service = `[Unit]
Description=End Nomad's tasks before the machine is switched off
Before=nomad.service
RequiresMountsFor=/data

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/lib/piinit/end-tasks
TimeoutStopSec=20
`;

/**
 * Tasks outlive their agent, so that it can be restarted. When the machine is switched off, nothing else would end them before
 * systemd waits a minute and a half for each of their keepers, with the data still mounted.
 */
export const nomadTasks: Contribution = combine(
  { files: [script("/usr/lib/piinit/end-tasks", program)] },
  unit("nomad-tasks.service", service, "multi-user.target"),
);

import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import type { Context } from "../../lib/program.ts";
import type { LabRouter, RunningRouter } from "./contract.ts";
import { isRouter } from "./contract.ts";
import { labRouterName } from "./facts.ts";
import { type MachineRecord, readRecord, readRecords } from "./folder.ts";
import { keyFileOf, knowHost, routerHostKey } from "./keys.ts";
import { withMachine } from "./lock.ts";
import { bringUp, connect } from "./machine.ts";
import { machineProcesses } from "./machine-processes.ts";
import { sshArguments } from "./ssh.ts";
import { untilMachine } from "./until-machine.ts";

const bootSeconds = 300;

/** Makes the router run as described, with cables and ports of all running machines; returns when SSH answers. */
export async function startRouter(spec: LabRouter, context: Context): Promise<RunningRouter> {
  const router = await powerRouter(spec, context);
  const { dir, name } = spec;
  await untilMachine({ dir, name, seconds: bootSeconds }, context, () => askSsh(dir, router.port));
  context.progress.step(`router: reached by SSH on 127.0.0.1:${router.port}`);
  return router;
}

/** The same without waiting until the router has booted. */
export async function powerRouter(spec: LabRouter, context: Context): Promise<RunningRouter> {
  const { dir, name } = spec;
  const { privateKey, publicKey: hostKey } = await routerHostKey(dir);
  return await withMachine(dir, name, context, async () => {
    const record = await bringUp(spec, context, privateKey);
    await knowHost(dir, name, hostKey);
    if (!record.isConnected) await reconnectMachines(dir, context);
    const { ports } = await connect(record);
    return { port: ports.ssh, user: "root", hostKey, keyFile: keyFileOf(dir) };
  });
}

/** A router that has just started has no cables and ports for the machines that kept running. */
async function reconnectMachines(dir: string, context: Context): Promise<void> {
  const running = await machineProcesses(dir);
  const machines = (await readRecords(dir)).filter(({ spec }) => !isRouter(spec) && running.has(spec.name));
  for (const { spec } of machines)
    await withMachine(dir, spec.name, context, async () => {
      const record: MachineRecord | undefined = await readRecord(dir, spec.name);
      if (record) await connect({ ...record, isConnected: false });
    });
}

/** What is still missing before the router is reachable over SSH. */
async function askSsh(dir: string, port: number): Promise<string | undefined> {
  const args = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
  const result = await execa(
    "ssh",
    [...args, ...sshArguments({ dir, name: labRouterName, isRouter: true, port, command: ["true"] })],
    {
      reject: false,
      stdin: "ignore",
      timeout: 30_000,
    },
  );
  if (!result.failed) return undefined;
  if (/Host key verification failed/.test(result.stderr))
    throw new UserError(`Something other than the lab's router answers on 127.0.0.1:${port}: its SSH host key differs`);
  return "SSH does not answer yet";
}

import { setTimeout as sleep } from "node:timers/promises";
import type { MachineStatus } from "../../steps/lab/lab.ts";
import { type Checkout, makeCheckout, succeeded } from "../e2e/checkout.ts";
import { type Pauses, watchLeaders } from "../e2e/leaders.ts";
import { lastOpenCommit, putVersion } from "../e2e/versions.ts";
import { type Row, tableOf } from "./table.ts";

/** What certificates, tokens and encryption cost: the same lab with the last version that had none, in the same run, and its way here. */
export async function benchSecurity(): Promise<string> {
  const commit = await lastOpenCommit();
  if (commit === undefined) throw new Error("the history of the version without certificates isn't here");
  const home = await makeCheckout();
  try {
    succeeded(await home.piinit("build", "server"));
    const closed = await measure(home);
    succeeded(await home.piinit("destroy"));
    await putVersion(home, commit);
    succeeded(await home.piinit("build", "server"));
    const open = await measure(home);
    await putVersion(home);
    const move = await watched(home, "up");
    const rotation = await watched(home, "rotate", "--yes");
    return `The lab of stacks/Pulumi.lab.yaml, image layers cached, with certificates and tokens and without.\n\n${tableOf(
      [
        ...rowsOf("without, ", open),
        ...rowsOf("", closed, open),
        ...rowsOfPauses("the move of a lab that had none", move),
        ...rowsOfPauses("rotate", rotation),
      ],
    )}`;
  } finally {
    await home.piinit("destroy");
    home.remove();
  }
}

interface Measured {
  seconds: number;
  /** Of a machine, the mean of all. */
  usedMiB: number;
}

async function measure(home: Checkout): Promise<Measured> {
  const { seconds } = succeeded(await home.piinit("up"));
  // What a machine needs in its first minute is gone then.
  await sleep(90_000);
  const names = (await labMachines(home)).map(({ name }) => name);
  const used = await Promise.all(names.map((name) => usedMiB(home, name)));
  return { seconds, usedMiB: used.reduce((sum, one) => sum + one, 0) / used.length };
}

async function usedMiB(home: Checkout, name: string): Promise<number> {
  const { stdout } = succeeded(await home.piinit("lab", "ssh", name, "--", "cat /proc/meminfo"));
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(stdout)?.[1]);
  return (kib("MemTotal") - kib("MemAvailable")) / 1024;
}

const labMachines = async (home: Checkout) =>
  (await home.json<MachineStatus[]>("lab", "list")).filter(({ ports }) => ports?.consul !== undefined);

async function watched(home: Checkout, ...command: string[]): Promise<Pauses & { seconds: number }> {
  const stop = watchLeaders(await labMachines(home));
  const { seconds } = succeeded(await home.piinit(...command));
  return { ...(await stop()), seconds };
}

const rowsOf = (which: string, { seconds, usedMiB }: Measured, without?: Measured): Row[] => [
  { what: `${which}up`, unit: "s", measured: seconds, ...(without && { goal: without.seconds * 1.1 }) },
  {
    what: `${which}memory in use on a machine`,
    unit: "MiB",
    measured: usedMiB,
    ...(without && { goal: without.usedMiB + 15 }),
  },
];

const rowsOfPauses = (what: string, { seconds, consul, nomad }: Pauses & { seconds: number }): Row[] => [
  { what, unit: "s", measured: seconds },
  { what: `${what}: at the longest without a leader in Consul`, unit: "s", measured: consul },
  { what: `${what}: at the longest without a leader in Nomad`, unit: "s", measured: nomad },
];

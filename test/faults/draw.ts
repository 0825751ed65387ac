import { setTimeout as pause } from "node:timers/promises";
import { succeeded } from "../e2e/checkout.ts";
import { machines } from "../e2e/lab-home.ts";
import type { Random } from "../random.ts";
import type { Lab } from "./lab.ts";
import { machineryIn } from "./words.ts";

/** What happens to machines, and how they get their power, their cable or their space back; nothing else is done. */
export interface Fault {
  what: string;
  machines: string[];
  happen(lab: Lab): Promise<void>;
}

/** As many kills of one machine as asked for, in turn while all run, while it boots, and while `up` works. */
export function drawKills(random: Random, times: number): Fault[] {
  const kinds = [killRunning, killBooting, killDuringUp];
  return Array.from({ length: times }, (_, index) => (kinds[index % kinds.length] ?? killRunning)(random, index));
}

/** As many power cuts for all at once, as many cables, and one full disk. */
export function drawOthers(random: Random, times: number): Fault[] {
  return [
    ...Array.from({ length: times }, () => killAll(random)),
    ...Array.from({ length: times }, () => cut(random)),
    fillDisk(random),
  ];
}

const wait = (seconds: number) => pause(seconds * 1000);

/** What gives a machine its power again, as a person would. */
async function restart(lab: Lab, name: string, byUp: boolean): Promise<void> {
  const command = byUp ? ["up"] : ["lab", "start", name];
  succeeded(await lab.checkout.piinit(...command), command.join(" "));
}

function killRunning(random: Random): Fault {
  const [name, before, off] = [random.pick(machines), random.number() * 30, random.number() * 60];
  const byUp = random.below(3) === 0;
  return {
    what: "a machine killed while all run, and started again",
    machines: [name],
    async happen(lab) {
      await wait(before);
      await lab.kill(name);
      await wait(off);
      await restart(lab, name, byUp);
    },
  };
}

function killBooting(random: Random): Fault {
  const [name, after] = [random.pick(machines), random.number() * 90];
  const byUp = random.below(3) === 0;
  return {
    what: "a machine killed again while it boots",
    machines: [name],
    async happen(lab) {
      await lab.kill(name);
      await restart(lab, name, false);
      await wait(after);
      await lab.kill(name);
      await restart(lab, name, byUp);
    },
  };
}

function killDuringUp(random: Random, index: number): Fault {
  const [name, after] = [random.pick(machines), random.number() * 15];
  return {
    what: "a machine killed while `up` changes a key, and started by the next `up`",
    machines: [name],
    async happen(lab) {
      lab.checkout.edit("lab", (text) => text.replace(/page\/text: .*/, `page/text: Hello ${index}`));
      const up = lab.checkout.piinit("up");
      await wait(after);
      await lab.kill(name);
      const machinery = machineryIn((await up).output);
      await restart(lab, name, true);
      if (machinery) throw new Error(`up, on a machine that was killed, shows ${machinery}`);
    },
  };
}

function killAll(random: Random): Fault {
  const [before, off] = [random.number() * 30, random.number() * 20];
  return {
    what: "all machines and the router killed at once, and started again",
    machines,
    async happen(lab) {
      await wait(before);
      await lab.kill("router", ...machines);
      await wait(off);
      succeeded(await lab.checkout.piinit("lab", "start"), "lab start");
    },
  };
}

function cut(random: Random): Fault {
  const [name, before, off] = [random.pick(machines), random.number() * 10, random.number() * 60];
  return {
    what: "a machine's cable pulled out and put in again",
    machines: [name],
    async happen(lab) {
      await wait(before);
      succeeded(await lab.checkout.piinit("lab", "cut", name), "lab cut");
      await wait(off);
      succeeded(await lab.checkout.piinit("lab", "join", name), "lab join");
    },
  };
}

const fill = "dd if=/dev/zero of=/data/fill bs=1M 2>/dev/null; sync; df -h /data";
const tellMs = 3 * 60_000;

function fillDisk(random: Random): Fault {
  const name = random.pick(machines);
  return {
    what: "a machine's data partition filled, which `status` must tell, and emptied again",
    machines: [name],
    async happen({ checkout, status }) {
      succeeded(await checkout.piinit("lab", "ssh", name, "--", fill), "filling");
      const end = performance.now() + tellMs;
      let tells = false;
      while (!tells && performance.now() < end) {
        await pause(5000);
        const { machines: seen, problems } = await status();
        const about = JSON.stringify([problems, seen.find((one) => one.name === name)]);
        tells = /full|space|disk/i.test(about);
      }
      succeeded(await checkout.piinit("lab", "ssh", name, "--", "rm /data/fill"), "emptying");
      if (!tells) throw new Error(`status doesn't tell that the disk of ${name} is full`);
    },
  };
}

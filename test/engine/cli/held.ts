import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { until } from "../agents.ts";

/** A checkout whose stack `held` has steps that can be held, each at a moment that a test knows. */
export interface HeldStack extends Checkout {
  /** The stack's steps from now on: name → input. */
  steps(inputs: Record<string, string>): void;
  /** The step says when it has begun to do this, and then waits until it is ended. */
  hold(verb: Verb, step: string): void;
  /** The same for the program that says which steps there are. */
  holdProgram(): void;
  begun(): Promise<void>;
  /** What steps have done since the last question, such as "create one". */
  done(): string[];
  /** As it is stored. */
  state(): State;
}

export type Verb = "create" | "update" | "delete";

interface State {
  pending_operations?: unknown[];
  resources?: { urn: string; initErrors?: string[] }[];
}

const program = `
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { local } from "@pulumi/command";
if (existsSync("hold-program")) {
  rmSync("hold-program");
  writeFileSync("begun", "");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}
const authority = new local.Command("cluster-authority", {
  create: "node --import tsx steps/security/main.ts authority",
  stdin: JSON.stringify({ domain: "home.arpa", cidr: "127.0.0.0/24", generation: 1 }),
  logging: "stderr",
}, { additionalSecretOutputs: ["stdout"] });
for (const [name, stdin] of Object.entries(JSON.parse(readFileSync("steps.json", "utf8")) as Record<string, string>)) {
  const run = (verb: string) => \`sh step.sh \${verb} \${name}\`;
  const commands = { create: run("create"), update: run("update"), delete: run("delete") };
  new local.Command(name, { ...commands, stdin, logging: "stderr", addPreviousOutputInEnv: false }, { dependsOn: [authority] });
}
`;

const step = `
cat >/dev/null
if [ -e hold ] && [ "$(cat hold)" = "$1 $2" ]; then
  rm hold
  trap 'echo "undo $1 $2" >> log; exit 1' TERM INT
  echo > begun
  sleep 600 & wait
fi
echo "$1 $2" >> log
echo done
`;

/** Of a stack whose program has nothing to do with its settings; they are checked all the same. */
export const stackSettings = `config:
  piinit:network: {cidr: 127.0.0.0/24, domain: home.arpa, router: {kind: manual}}
  piinit:builder: {ssh: nobody@127.0.0.1}
  piinit:images: {server: {board: pi3, roles: {consul: server, nomad: both}}}
  piinit:machines:
    - {name: pi1, mac: "b8:27:eb:00:00:01", ip: 127.0.0.51, image: server}
    - {name: pi2, mac: "b8:27:eb:00:00:02", ip: 127.0.0.52, image: server}
    - {name: pi3, mac: "b8:27:eb:00:00:03", ip: 127.0.0.53, image: server}
`;

/** @param more goes into the environment of its commands */
export async function makeHeldStack(more: Record<string, string> = {}): Promise<HeldStack> {
  const checkout = await makeCheckout(more);
  const file = (name: string) => path.join(checkout.dir, name);
  writeFileSync(file("index.ts"), program);
  writeFileSync(file("step.sh"), step);
  writeFileSync(file("stacks/Pulumi.held.yaml"), stackSettings);
  return {
    ...checkout,
    steps: (inputs) => writeFileSync(file("steps.json"), JSON.stringify(inputs)),
    hold(verb, name) {
      rmSync(file("begun"), { force: true });
      writeFileSync(file("hold"), `${verb} ${name}`);
    },
    holdProgram() {
      rmSync(file("begun"), { force: true });
      writeFileSync(file("hold-program"), "");
    },
    begun: () => until("the step has begun", async () => existsSync(file("begun")), 150),
    done() {
      const log = existsSync(file("log")) ? readFileSync(file("log"), "utf8") : "";
      rmSync(file("log"), { force: true });
      return log.split("\n").filter(Boolean);
    },
    state() {
      const text = readFileSync(file(".piinit/.pulumi/stacks/piinit/held.json"), "utf8");
      return (JSON.parse(text) as { checkpoint: { latest: State } }).checkpoint.latest;
    },
  };
}

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { projectDir } from "../../../lib/paths.ts";
import { setEnvironment } from "../../environment.ts";

/** A resource as the program asked for it; secrets are wrapped. */
export interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

/** What each of our programs would answer, by its verb. */
const answers: Record<string, unknown> = {
  "lab-create": { publicKey: "ssh-ed25519 AAAA lab", keyFile: "/lab/id_ed25519" },
  build: { path: "/images/server.img", sha256: "0".repeat(64), bytes: 1, seconds: 1, reused: [] },
  "router-start": { port: 10000, user: "root", hostKey: "ssh-ed25519 BBBB", keyFile: "/lab/id_ed25519" },
  reserve: {},
  authority: {
    certificate: "CERTIFICATE of all",
    key: "KEY of all",
    secret: Buffer.alloc(32).toString("base64"),
    generation: 1,
  },
  certificate: { certificate: "CERTIFICATE", key: "KEY" },
  grant: { written: 0 },
  await: { health: "the job is healthy" },
  wait: { consulUrl: "http://127.0.0.1:11051", nomadUrl: "http://127.0.0.1:12051" },
};

function answerTo({ name, inputs }: Made): string {
  const verb = String(inputs.create).split(" ").at(-1) ?? "";
  if (verb !== "machine-start") return JSON.stringify(answers[verb] ?? "a gossip key");
  return JSON.stringify({ name: name.replace("machine-", ""), ports: { ssh: 1, consul: 2, nomad: 3 } });
}

/** The settings of a stack's file, by their names without "piinit:". */
export function shippedSettings(stack: string): Record<string, unknown> {
  const { config } = parse(readFileSync(path.join(projectDir, "stacks", `Pulumi.${stack}.yaml`), "utf8"));
  return Object.fromEntries(
    Object.entries(config as object).map(([key, value]) => [key.replace("piinit:", ""), value]),
  );
}

/** Runs index.ts with these settings, each of `secrets` set with --secret; no engine, and no program of ours is started. */
export async function runProgram<Exports>(
  stack: string,
  settings: Record<string, unknown>,
  secrets: string[] = [],
): Promise<{ made: Made[]; exports: Exports }> {
  const made: Made[] = [];
  const restore = setEnvironment({
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secrets.map((name) => `piinit:${name}`)),
  });
  try {
    const texts = Object.entries(settings).map(([key, value]) => [
      `piinit:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    pulumi.runtime.setAllConfig(Object.fromEntries(texts));
    await pulumi.runtime.setMocks(
      {
        newResource(resource) {
          made.push(resource);
          const state = { ...resource.inputs };
          if (resource.type === "command:local:Command") state.stdout = answerTo(resource);
          return { id: resource.name, state };
        },
        call: ({ inputs }) => inputs,
      },
      "piinit",
      stack,
    );
    // A module runs once, so each run gets a module of its own; this file may be loaded more than once, so none counts them.
    const exports = (await import(`../../../index.ts?run=${randomUUID()}`)) as Exports;
    await pulumi.runtime.disconnect();
    return { made, exports };
  } finally {
    restore();
  }
}

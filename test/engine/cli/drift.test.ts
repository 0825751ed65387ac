import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { type Checkout, makeCheckout } from "../../e2e/checkout.ts";
import { type Agents, askJson, processesBelow, startAgents, until } from "../agents.ts";
import { service } from "../offline/service.ts";
import { openAccess } from "../open-access.ts";
import { freePort } from "../ports.ts";
import { stackSettings } from "./held.ts";

/** What the stack's program makes. */
interface Wanted {
  keys: Record<string, string>;
  /** Name → job file. */
  jobs: Record<string, string>;
  /** Of the job "shop". */
  secrets?: Record<string, string>;
}

const program = `
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { NomadJobs } from "./components/jobs.ts";
import { ConsulKeys } from "./components/kv.ts";
const access = ${openAccess};
const { consulUrl, nomadUrl, keys, jobs, secrets } = JSON.parse(readFileSync("wanted.json", "utf8"));
const values = Object.entries<string>(keys).map(([key, value]) => [key, key.startsWith("secret/") ? pulumi.secret(value) : value]);
new ConsulKeys("keys", { consulUrl, access, datacenter: "dc1", values: Object.fromEntries(values) });
export const word = "kept for good";
const source = (key: string, jobspec: string) => ({
  key,
  jobspec,
  vars: jobspec.includes('variable "word"') ? { word: "hello" } : {},
  secrets: key === "shop" ? secrets : {},
});
const sources = Object.entries<string>(jobs).map(([name, jobspec]) => [name, source(name, jobspec)]);
new NomadJobs("jobs", { nomadUrl, access, servers: [nomadUrl], jobs: Object.fromEntries(sources), isDisposable: false });
`;

/** Starts every second, for a moment. */
const clock = `
job "clock" {
  type = "batch"
  periodic {
    crons = ["* * * * * * *"]
  }
  group "main" {
    task "main" {
      driver = "raw_exec"
      config {
        command = "/bin/true"
      }
      resources {
        cpu    = 10
        memory = 10
      }
    }
  }
}
`;

describe("up and preview, with keys and jobs that aren't as the state has them", function () {
  this.timeout(240_000);
  let agents: Agents;
  let checkout: Checkout;

  before(async () => {
    agents = await startAgents();
    checkout = await makeCheckout();
    writeFileSync(path.join(checkout.dir, "index.ts"), program);
    writeFileSync(path.join(checkout.dir, "stacks/Pulumi.drift.yaml"), stackSettings);
  });
  after(async () => {
    checkout?.remove();
    await agents?.stop();
  });

  const want = (wanted: Wanted, { consulUrl = agents.consul.url, nomadUrl = agents.nomad.url } = {}) =>
    writeFileSync(
      path.join(checkout.dir, "wanted.json"),
      JSON.stringify({ secrets: {}, ...wanted, consulUrl, nomadUrl }),
    );

  async function succeeds(verb: "up" | "preview"): Promise<string> {
    const { exitCode, output } = await checkout.piinit(verb, "drift", ...(verb === "up" ? ["--yes"] : []));
    assert.equal(exitCode, 0, output);
    return output;
  }

  async function upFails(reason: RegExp): Promise<void> {
    const { exitCode, output } = await checkout.piinit("up", "drift", "--yes");
    assert.notEqual(exitCode, 0, output);
    assert.match(output, reason);
  }

  const stateFile = () => path.join(checkout.dir, ".piinit/.pulumi/stacks/piinit/drift.json");
  const jobOf = (id: string) =>
    askJson<{ Status: string; Stop: boolean; Version: number; TaskGroups: { Count: number }[] }>(
      `${agents.nomad.url}/v1/job/${id}`,
    );
  const value = async (key: string) => (await fetch(`${agents.consul.url}/v1/kv/${key}?raw`)).text();
  const ofBad = { program: "/no/such/program" };
  const all: Wanted = {
    keys: { "app/colour": "green" },
    jobs: { clock, page: service("page"), shop: service("shop", { autoRevert: true }) },
  };

  it("leave what is as it should be", async () => {
    want(all);
    await succeeds("up");
    await until("the periodic job has run", async () => {
      const jobs = await askJson<{ ID: string }[]>(`${agents.nomad.url}/v1/jobs`);
      return jobs.some(({ ID }) => ID.startsWith("clock/periodic"));
    });
    for (const verb of ["up", "preview"] as const) {
      const output = await succeeds(verb);
      assert.match(output, / unchanged/);
      assert.doesNotMatch(output, /again|updated|created/);
    }
  });

  it("put right jobs that were scaled, stopped and purged by hand, though nothing has changed here", async () => {
    const scaled = { Count: 2, Target: { Group: "main" }, Message: "by hand" };
    await fetch(`${agents.nomad.url}/v1/job/page/scale`, { method: "POST", body: JSON.stringify(scaled) });
    await fetch(`${agents.nomad.url}/v1/job/shop`, { method: "DELETE" });
    await fetch(`${agents.nomad.url}/v1/job/clock?purge=true`, { method: "DELETE" });
    assert.equal((await jobOf("page")).TaskGroups[0]?.Count, 2);
    const output = await succeeds("up");
    for (const name of ["page", "shop"])
      assert.match(
        output,
        new RegExp(`the job ${name} has changed in Nomad since the last update: up registers it again`),
      );
    for (const name of ["page", "shop", "clock"]) assert.match(output, new RegExp(`job-${name} updated`));
    assert.equal((await jobOf("page")).TaskGroups[0]?.Count, 1);
    assert.match(output, /the job clock is gone from Nomad: up registers it again/);
    assert.equal((await jobOf("clock")).Status, "running");
    const { Stop, Status } = await jobOf("shop");
    assert.deepEqual([Stop, Status], [false, "running"]);
  });

  it("show what another file would change in a job that was scaled by hand, and change nothing by that", async () => {
    const scaled = { Count: 2, Target: { Group: "main" }, Message: "by hand" };
    await fetch(`${agents.nomad.url}/v1/job/page/scale`, { method: "POST", body: JSON.stringify(scaled) });
    want({ ...all, jobs: { ...all.jobs, page: service("page", { count: 3 }) } });
    const before = readFileSync(stateFile(), "utf8");
    assert.match(await succeeds("preview"), /2 to update/);
    assert.equal(readFileSync(stateFile(), "utf8"), before);
    await succeeds("up");
    assert.equal((await jobOf("page")).TaskGroups[0]?.Count, 3);
  });

  it("fail again for a job that failed, as long as its file is the same, and take the mended file", async () => {
    want({ ...all, jobs: { ...all.jobs, page: service("page", ofBad) } });
    for (const _again of [1, 2]) await upFails(/the job page failed: Failed due to unhealthy allocations/);
    want(all);
    await succeeds("up");
    assert.equal((await jobOf("page")).Status, "running");
  });

  it("take the mended file of a job that Nomad has set back by itself", async () => {
    want({ ...all, jobs: { ...all.jobs, shop: service("shop", { ...ofBad, autoRevert: true }) } });
    await upFails(/the job shop failed: Failed due to unhealthy allocations - rolling back to job version \d+/);
    want({ ...all, jobs: { ...all.jobs, shop: service("shop", { count: 2, autoRevert: true }) } });
    await succeeds("up");
    assert.equal((await jobOf("shop")).TaskGroups[0]?.Count, 2);
  });

  it("take the mended file of a job that was being waited for when up was killed", async () => {
    want({ ...all, jobs: { ...all.jobs, page: service("page", ofBad) } });
    const { Version } = await jobOf("page");
    const options = { cwd: checkout.dir, env: checkout.env, reject: false, stdio: "ignore", detached: true } as const;
    const running = execa("./piinit", ["up", "drift", "--yes"], options);
    await until("the job is registered", async () => (await jobOf("page")).Version > Version);
    await until("nothing runs any more", async () => {
      const left = await processesBelow(checkout.dir);
      for (const pid of left) process.kill(pid, "SIGKILL");
      return left.length === 0;
    });
    await running;
    want({ ...all, jobs: { ...all.jobs, page: service("page", { count: 2 }) } });
    await succeeds("up");
    assert.equal((await jobOf("page")).TaskGroups[0]?.Count, 2);
  });

  it("write keys that were removed or changed by hand, show them before, and leave their secrets encrypted", async () => {
    const keys = { "app/colour": "green", "app/empty": "", "secret/word": "sesame" };
    want({ ...all, keys });
    await succeeds("up");
    await fetch(`${agents.consul.url}/v1/kv/app/colour`, { method: "PUT", body: "red" });
    for (const key of ["app/empty", "secret/word"])
      await fetch(`${agents.consul.url}/v1/kv/${key}`, { method: "DELETE" });
    const before = readFileSync(stateFile(), "utf8");
    const seen = [
      /the key app\/colour has another value: up writes it again/,
      /the key app\/empty is gone: up writes it again/,
      /the key secret\/word is gone: up writes it again/,
    ];
    const preview = await succeeds("preview");
    assert.match(preview, /3 to update/);
    assert.equal(readFileSync(stateFile(), "utf8"), before);
    const output = await succeeds("up");
    for (const reason of seen) {
      assert.match(preview, reason);
      assert.match(output, reason);
    }
    assert.deepEqual(await Promise.all(Object.keys(keys).map(value)), Object.values(keys));
    assert.doesNotMatch(await succeeds("up"), /again/);
    assert.doesNotMatch(readFileSync(stateFile(), "utf8"), /sesame/);
  });

  it("write a job's secrets that were removed or changed by hand", async () => {
    const url = `${agents.nomad.url}/v1/var/nomad/jobs/shop`;
    const items = async () => (await askJson<{ Items: object }>(url)).Items;
    const secrets = { password: "correct horse" };
    want({ ...all, secrets });
    await succeeds("up");
    assert.deepEqual(await items(), secrets);
    await fetch(url, { method: "DELETE" });
    assert.match(await succeeds("up"), /the secrets of the job shop are gone from Nomad: up writes them again/);
    assert.deepEqual(await items(), secrets);
    await fetch(url, {
      method: "PUT",
      body: JSON.stringify({ Path: "nomad/jobs/shop", Items: { password: "other" } }),
    });
    assert.match(await succeeds("preview"), /the secrets of the job shop are others in Nomad: up writes them again/);
    await succeeds("up");
    assert.deepEqual(await items(), secrets);
    assert.doesNotMatch(await succeeds("up"), /again/);
    assert.doesNotMatch(readFileSync(stateFile(), "utf8"), /correct horse/);
    want({ ...all, secrets: { password: "x".repeat(70_000) } });
    await upFails(/Nomad refuses the secrets of the job shop: it says 400 .*limited to 64KiB/);
    want(all);
    await succeeds("up");
  });

  it("keep the stack's outputs when up fails", async () => {
    want({ ...all, jobs: { ...all.jobs, page: service("page", ofBad) } });
    await upFails(/page/);
    assert.match(readFileSync(stateFile(), "utf8"), /kept for good/);
    want(all);
    await succeeds("up");
  });

  it("write a key whose write failed", async () => {
    want({ ...all, keys: { "app/colour": "blue" } }, { consulUrl: `http://127.0.0.1:${await freePort()}` });
    await upFails(/failed to write Consul key 'app\/colour'/);
    want({ ...all, keys: { "app/colour": "blue" } });
    assert.match(await succeeds("up"), /the key app\/colour may not have been written: up writes it again/);
    assert.equal(await value("app/colour"), "blue");
    assert.doesNotMatch(await succeeds("up"), /again/);
  });
});

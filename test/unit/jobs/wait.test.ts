import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { awaitJob, type Times } from "../../../steps/jobs/wait.ts";
import { recorded } from "./recorded.ts";

/** What Nomad says from one look on: a recorded job's name, a status for every request, or a changed record. */
type Said = string | number;

const logs = "one\ntwo\n\u001b[31mthree\u001b[0m\n";

interface FakeNomad {
  url: string;
  looks(): number;
  close(): void;
}

/** Says these one after the other, one for each look; the last one stays. */
async function startNomad(...said: Said[]): Promise<FakeNomad> {
  let looks = 0;
  const server = createServer((request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const [, , , , what = "job"] = path.split("/");
    const isLook = path.startsWith("/v1/job/");
    if (isLook && what === "job") looks++;
    const now = said[Math.max(0, Math.min(looks, said.length) - 1)] ?? 500;
    if (now === 404) return what === "job" ? response.writeHead(404).end("job not found") : response.end("[]");
    if (typeof now === "number") return response.writeHead(now).end("No cluster leader");
    const { jobs, nodes } = recorded;
    if (path.startsWith("/v1/client/fs/logs/")) return response.end(request.url?.includes("stderr") ? logs : "");
    const answer = isLook ? Object(jobs[now])[what] : nodes;
    // Tasks have just been started, whenever that was recorded.
    const started = /"StartedAt":"[^"]+"/g;
    response.end(JSON.stringify(answer ?? null).replace(started, `"StartedAt":"${new Date().toISOString()}"`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, looks: () => looks, close: () => server.close() };
}

describe("waiting for a job", () => {
  const nomads: FakeNomad[] = [];
  afterEach(() => {
    for (const nomad of nomads.splice(0)) nomad.close();
  });
  const nomad = async (...said: Said[]) => {
    const started = await startNomad(...said);
    nomads.push(started);
    return started;
  };

  /** With times that suit a test. */
  async function wait(job: string, servers: string[], more: Partial<Times> = {}, signal?: AbortSignal) {
    const lines: string[] = [];
    const progress = { step: (line: string) => void lines.push(line) };
    const [recordedName = ""] = Object.keys(recorded.jobs).filter((name) => name.split(" ")[0] === job);
    const modifyIndex = String(recorded.jobs[recordedName]?.job.JobModifyIndex);
    const times = { poll: 5, stuck: 50, start: 60_000, ...more };
    const end = awaitJob({ servers, job, namespace: "default", modifyIndex }, progress, signal, times).then(
      ({ health }) => health,
      (error: Error) => {
        assert.match(error.name, /^(UserError|Interrupted)$/);
        return error.message;
      },
    );
    return { end: await end, lines };
  }

  it("ends with a sentence, after one line for each change", async () => {
    const { url } = await nomad("nodep early", "nodep early", "nodep late");
    const { end, lines } = await wait("nodep", [url], { remind: 60_000 });
    assert.equal(end, "nodep is healthy: 1 of 1 running");
    assert.deepEqual(lines, ["nodep: 0 of 1 running; web on test: Started: Task started by client", end]);
  });

  it("repeats a line that stays the same from time to time", async () => {
    const { url } = await nomad("nodep early", "nodep early", "nodep early", "nodep late");
    assert.equal((await wait("nodep", [url], { remind: 0 })).lines.length, 4);
  });

  it("leaves out what Nomad lists of other jobs, whose names begin alike", async () => {
    const { url } = await nomad("batch");
    assert.equal((await wait("batch", [url])).end, "batch is healthy: 1 of 1 running or done");
  });

  it("gives what can't be placed a moment, but no more", async () => {
    const placed = await nomad("batchdc", "batchdc", "batchdc");
    const { end, lines } = await wait("batchdc", [placed.url]);
    assert.match(end, /^the job batchdc can't be placed\n {2}no node is in the datacenter CONTROL: yours are in dc1\n/);
    assert.equal(lines[0], "batchdc: can't be placed so far");
    assert.ok(placed.looks() > 1);
  });

  it("fails at once with a deployment, and shows what the task printed, without what moves a cursor", async () => {
    const { url, looks } = await nomad("exits");
    const { end } = await wait("exits", [url]);
    assert.match(end, /\n {4}the last lines of its standard error:\n {6}one\n {6}two\n {6}\[31mthree \[0m\n/);
    assert.doesNotMatch(end, /standard output/);
    assert.equal(looks(), 1);
  });

  it("gives what has no deadline of its own a time to start in", async () => {
    const { url } = await nomad("nodep early");
    const { end } = await wait("nodep", [url], { start: 50 });
    assert.match(end, /^the job nodep isn't healthy after 0 s: 0 of 1 running; .*\n {2}task web on test/);
  });

  it("leaves a deployment the time that its job gives it", async () => {
    const looks = Array.from({ length: 30 }, () => "missing early");
    const { url } = await nomad(...looks, "missing late");
    assert.match((await wait("missing", [url], { start: 10 })).end, /failed: Failed due to progress deadline/);
  });

  it("waits while no server answers, as between two leaders, and says so", async () => {
    const { url } = await nomad("nodep early", 500, 500, "nodep late");
    const { end, lines } = await wait("nodep", [url]);
    assert.equal(end, "nodep is healthy: 1 of 1 running");
    assert.ok(lines.includes(`waiting for Nomad: no answer from Nomad at ${url}: it says 500 No cluster leader`));
  });

  it("asks another server when one is off", async () => {
    const off = await nomad("good");
    off.close();
    const { url } = await nomad("good");
    const { end, lines } = await wait("good", [off.url, url]);
    assert.deepEqual(lines, [end]);
  });

  it("gives up when no server has answered for long", async () => {
    const [first, second] = [await nomad(500), await nomad(500)];
    const { end } = await wait("good", [first.url, second.url], { silence: 1 });
    assert.match(
      end,
      /^no answer from Nomad at http:\S+: it says 500 No cluster leader, http:\S+: it says 500 .*; none for 0 s/,
    );
  });

  it("tells that the job is gone", async () => {
    const { url } = await nomad("nodep early", 404);
    assert.match((await wait("nodep", [url])).end, /^the job nodep is gone from Nomad/);
  });

  it("can be interrupted", async () => {
    for (const said of ["nodep early", 500]) {
      const { url } = await nomad(said);
      const interrupt = new AbortController();
      setTimeout(() => interrupt.abort(), 30);
      const { end } = await wait("nodep", [url], { start: 60_000 }, interrupt.signal);
      assert.equal(end, "interrupted while waiting for the job nodep, which goes on in Nomad");
    }
  });
});

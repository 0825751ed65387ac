import assert from "node:assert/strict";
import { stackStatus } from "../../../cli/status/stack-status.ts";
import type { ExpectedMachine } from "../../../steps/cluster/contract.ts";
import { agent, consulAnswers, nomadAnswers, startStrangers } from "./stranger.ts";

describe("a machine's full data partition", () => {
  /** The status of a cluster of one machine whose Nomad client answers that about its disks. */
  async function statusWith(stats: unknown) {
    const strangers = await startStrangers({
      consul: agent(consulAnswers),
      nomad: agent({ ...nomadAnswers, "/v1/jobs": [], "/v1/client/stats": stats }),
    });
    const machine: ExpectedMachine = {
      name: "pi1",
      ip: "127.0.0.1",
      mac: "b8:27:eb:00:00:01",
      image: "server",
      consulUrl: strangers.url("consul"),
      nomadUrl: strangers.url("nomad"),
      consulServer: true,
      nomad: "both",
    };
    const expectation = { datacenter: "home", machines: [machine], deadlineSeconds: 0, remedy: "", guards: "" };
    return stackStatus(expectation).finally(strangers.close);
  }
  const disk = (Mountpoint: string, Available: number) => ({ Mountpoint, Available, Size: 1000 * 2 ** 20 });

  it("is told by the status, which is degraded then", async () => {
    const status = await statusWith({ DiskStats: [disk("/", 2 ** 30), disk("/data", 12 * 2 ** 20)] });
    assert.equal(status.state, "degraded");
    const [machine] = status.machines;
    assert.equal(machine?.problem, "its data partition is full: 12 of 1000 MiB are free");
    assert.equal(machine?.action, "free some space in /data on pi1");
  });

  it("isn't told where there is room, or nothing is known", async () => {
    for (const stats of [{ DiskStats: [disk("/", 0), disk("/data", 2 ** 29)] }, { DiskStats: null }, null, "x"]) {
      const { state, machines } = await statusWith(stats);
      assert.deepEqual([state, machines[0]?.problem], ["healthy", null], JSON.stringify(stats));
    }
  });
});

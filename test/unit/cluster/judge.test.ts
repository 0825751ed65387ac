import assert from "node:assert/strict";
import { judge } from "../../../steps/cluster/judge.ts";
import { failureMessage, waitingLine } from "../../../steps/cluster/wait.ts";
import { expectation, healthy } from "./healthy.ts";

type Cluster = ReturnType<typeof healthy>;
const at = <T>(list: readonly T[], index: number): T => list[index] ?? assert.fail("no such item");

/** The one finding about a cluster that was spoilt in one way. */
function finding(spoil: (cluster: Cluster) => void): string {
  const cluster = healthy();
  spoil(cluster);
  const { findings } = judge(expectation, cluster.seen);
  assert.equal(findings.length, 1, JSON.stringify(findings));
  const { machine, problem, action } = at(findings, 0);
  return `${machine?.name}: ${problem}; ${action}`;
}

describe("the gate's judgement of one look at the cluster", () => {
  it("is content with all of it, and answers with the first servers", () => {
    const { findings, quorum, summary } = judge(expectation, healthy().seen);
    assert.deepEqual(findings, []);
    assert.deepEqual(quorum, { consulUrl: "http://192.168.2.51:8500", nomadUrl: "http://192.168.2.51:4646" });
    assert.equal(summary, "Consul 3 of 3 servers, leader pi1; Nomad 3 of 3 servers, leader pi2; 3 of 3 clients");
  });

  it("answers with the first machine that serves, and with no Nomad where there is none", () => {
    const { seen } = healthy();
    const machines = expectation.machines.map((one, index) => ({ ...one, consulServer: index > 0, nomad: undefined }));
    at(seen.machines, 0).consul = { ...at(healthy().consul, 0), server: false };
    seen.nomadRaft = [];
    const { quorum } = judge({ ...expectation, machines }, seen);
    assert.deepEqual(quorum, { consulUrl: "http://192.168.2.52:8500" });
  });

  it("answers with the next server while the first is off, and keeps that one when the first is back", () => {
    const { seen } = healthy();
    seen.machines[0] = {};
    const second = { consulUrl: "http://192.168.2.52:8500", nomadUrl: "http://192.168.2.52:4646" };
    assert.deepEqual(judge(expectation, seen).quorum, second);
    assert.deepEqual(judge(expectation, healthy().seen, second).quorum, second);
  });

  it("keeps to a server that lags behind the leader", () => {
    const { seen } = healthy();
    seen.nomadRaft = seen.nomadRaft.map((server) => ({ ...server, healthy: server.name !== "pi1" }));
    const { quorum, findings } = judge(expectation, seen);
    assert.equal(quorum?.nomadUrl, "http://192.168.2.51:4646");
    assert.deepEqual([findings.length, findings[0]?.isSettling], [1, true]);
  });

  it("has no quorum without a leader of either, nor with servers of another cluster", () => {
    for (const raft of ["consulRaft", "nomadRaft"] as const)
      assert.equal(judge(expectation, { ...healthy().seen, [raft]: [] }).quorum, undefined);
    const { seen, consul } = healthy();
    for (const view of consul) view.datacenter = "work";
    assert.equal(judge(expectation, seen).quorum, undefined);
  });

  it("has no hope when most servers need another image, and has when they are only off", () => {
    const { seen, consul } = healthy();
    for (const view of consul.slice(1)) view.datacenter = "work";
    seen.machines[0] = {};
    assert.equal(judge(expectation, seen).isHopeless, true);
    assert.equal(judge(expectation, { ...seen, machines: [{}, {}, {}] }).isHopeless, false);
  });

  it("names a machine that does not answer once, with the remedy for it", () => {
    const text = finding(({ seen }) => {
      seen.machines[1] = {};
    });
    assert.equal(
      text,
      "pi2: no answer from Consul at http://192.168.2.52:8500; burn `server`, power pi2 on, and run up again",
    );
  });

  it("names a machine at another address, or with another name, and the reservation to check", () => {
    const elsewhere = finding(({ seen, consul }) => {
      seen.machines[1] = {};
      for (const view of consul) view.members[1] = { ...at(view.members, 1), ip: "192.168.2.57" };
    });
    const check =
      "the router's reservation isn't in effect: check b8:27:eb:00:00:02 → 192.168.2.52 (pi2) on the router, then restart the machine";
    assert.equal(elsewhere, `pi2: pi2 has 192.168.2.57 instead of 192.168.2.52; ${check}`);
    const renamed = finding(({ consul }) => {
      at(consul, 1).name = "localhost";
    });
    assert.equal(renamed, `pi2: 192.168.2.52 calls itself localhost instead of pi2; ${check}`);
    const moved = finding(({ consul }) => {
      at(consul, 1).ip = "192.168.2.57";
    });
    assert.match(moved, /^pi2: pi2 has 192\.168\.2\.57 instead of 192\.168\.2\.52; the router's reservation/);
  });

  it("names both names of a machine that the router calls something else, unless it is another machine's", () => {
    const calling = (name: string) =>
      finding(({ consul }) => {
        at(consul, 1).name = name;
      });
    assert.equal(
      calling("nas"),
      "pi2: 192.168.2.52 calls itself nas instead of pi2; the router calls it that: give b8:27:eb:00:00:02 the name " +
        "pi2 there instead of nas, then restart the machine",
    );
    assert.match(
      calling("pi3"),
      /pi2: 192\.168\.2\.52 calls itself pi3 instead of pi2; the router's reservation isn't in/,
    );
  });

  it("asks whether a stranger in the cluster is the machine that is missing", () => {
    const text = finding(({ seen, consul }) => {
      seen.machines[1] = {};
      for (const view of consul) view.members[1] = { ...at(view.members, 1), name: "pi9", ip: "192.168.2.57" };
    });
    assert.match(
      text,
      /no answer.*or is it one of these: 192\.168\.2\.57 calls itself pi9\? Then the router's reservation/,
    );
  });

  it("tells another datacenter, another role and another gossip key apart", () => {
    assert.match(
      finding(({ consul }) => {
        at(consul, 2).datacenter = "dc1";
      }),
      /^pi3: its Consul is of the datacenter dc1, the stack's is home; its image is of another stack/,
    );
    assert.match(
      finding(({ consul }) => {
        at(consul, 2).server = false;
      }),
      /^pi3: its Consul is a client, in the stack it is a server; it runs another image than "server"/,
    );
    for (const agent of ["consul", "nomad"] as const)
      assert.match(
        finding((cluster) => {
          for (const view of cluster[agent]) view.members = view.members.filter(({ name }) => name !== "pi3");
          const own = at(healthy()[agent], 2).members.filter(({ name }) => name === "pi3");
          at(cluster[agent], 2).members = own;
          at(cluster[agent], 2).leader = "";
        }),
        /^pi3: its (Consul|Nomad) runs, but has not joined the others; .*gossip key.* or port (8301|4648) is closed/,
      );
  });

  it("does not believe the others when a machine itself sees nobody", () => {
    const text = finding(({ consul }) => {
      at(consul, 2).members = at(consul, 2).members.filter(({ name }) => name === "pi3");
      at(consul, 2).leader = "";
    });
    assert.match(text, /^pi3: its Consul runs, but has not joined the others/);
  });

  it("does not count a server that failed, that has no vote, or that lags behind", () => {
    const state = (change: object) =>
      finding(({ seen }) => {
        seen.consulRaft[2] = { ...at(seen.consulRaft, 2), ...change };
      });
    assert.match(state({ voter: false }), /^pi3: its Consul server may not vote yet/);
    assert.match(state({ healthy: false }), /^pi3: its Consul server lags behind the leader/);
    assert.match(state({ name: "other" }), /^pi3: its Consul server is not yet one of the voters/);
    const failed = finding(({ nomad }) => {
      for (const view of nomad) at(view.members, 2).alive = false;
    });
    assert.match(failed, /^pi3: its Nomad runs, but has not joined/);
  });

  it("tells which earlier name a server must be rid of", () => {
    const text = finding(({ seen, nomad }) => {
      seen.nomadRaft[2] = { ...at(seen.nomadRaft, 2), voter: false };
      for (const view of nomad)
        view.members.push({ ...at(view.members, 2), name: "pi9", fullName: "pi9.global", alive: false });
    });
    assert.match(text, /still listed under its earlier name, pi9; .*nomad server force-leave -prune pi9\.global$/);
  });

  it("wants every Nomad client ready and eligible, and ignores its earlier lives", () => {
    const node = (change: object) =>
      finding(({ seen }) => {
        seen.nomadNodes[2] = { ...at(seen.nomadNodes, 2), ...change };
      });
    assert.match(node({ status: "initializing" }), /^pi3: its Nomad client is initializing/);
    assert.match(node({ status: "down" }), /^pi3: its Nomad client is down/);
    assert.match(node({ name: "other" }), /^pi3: its Nomad client is not registered/);
    assert.match(node({ eligible: false }), /^pi3: its Nomad client takes no jobs.*nomad node eligibility -enable/);
    assert.match(node({ datacenter: "dc1" }), /^pi3: its Nomad is of the datacenter dc1/);
    const { seen } = healthy();
    seen.nomadNodes.unshift({ ...at(seen.nomadNodes, 2), status: "down" });
    assert.deepEqual(judge(expectation, seen).findings, []);
  });

  it("names an agent of Nomad that does not answer while Consul does", () => {
    const text = finding(({ seen }) => {
      at(seen.machines, 2).nomad = undefined;
    });
    assert.match(text, /^pi3: no answer from Nomad at http:\/\/192\.168\.2\.53:4646; its Consul answers/);
  });

  it("takes a missing leader for one fault of the cluster", () => {
    const text = finding(({ seen, consul }) => {
      seen.consulRaft = [];
      for (const view of consul) view.leader = "";
    });
    assert.equal(text, "undefined: Consul has no leader: 3 of 3 servers answer; they are still electing one");
  });
});

describe("what the gate says", () => {
  const judgement = () => {
    const { seen } = healthy();
    seen.machines[1] = {};
    seen.nomadRaft = [];
    return judge(expectation, seen);
  };

  it("is one line while it waits", () => {
    assert.equal(
      waitingLine(judgement()),
      "waiting for pi2 (192.168.2.52): no answer from Consul at http://192.168.2.52:8500; " +
        "Consul 2 of 3 servers, leader pi1; Nomad 2 of 3 servers, no leader; 3 of 3 clients",
    );
    assert.match(waitingLine({ ...judgement(), findings: [] }), /^waiting for leaders; Consul/);
  });

  it("is everything that is missing, and what to do with each, at the deadline", () => {
    assert.deepEqual(failureMessage(expectation, judgement()).split("\n"), [
      "the cluster had no quorum within 300 s:",
      "  pi2, 192.168.2.52, b8:27:eb:00:00:02: no answer from Consul at http://192.168.2.52:8500; burn `server`, power pi2 on, and run up again",
      "  Nomad has no leader: 2 of 3 servers answer; a new cluster needs all 3, an existing one 2",
      "Nothing was removed. Mend that and run up again.",
    ]);
  });
});

import type { Expectation, ExpectedMachine } from "../../../steps/cluster/contract.ts";
import type { ConsulView, Member, NomadView, Observation } from "../../../steps/cluster/observe.ts";

const names = ["pi1", "pi2", "pi3"];
const machine = (name: string, index: number): ExpectedMachine => ({
  name,
  ip: `192.168.2.5${index + 1}`,
  mac: `b8:27:eb:00:00:0${index + 1}`,
  image: "server",
  consulUrl: `http://192.168.2.5${index + 1}:8500`,
  nomadUrl: `http://192.168.2.5${index + 1}:4646`,
  consulServer: true,
  nomad: "both",
});
export const expectation: Expectation = {
  datacenter: "home",
  machines: names.map(machine),
  deadlineSeconds: 300,
  remedy: "burn `IMAGE`, power NAME on, and run up again",
  guards: "",
};

/** A cluster as it should be, to be spoilt by each test. */
export function healthy(): { seen: Observation; consul: ConsulView[]; nomad: NomadView[] } {
  const members = (suffix: string): Member[] =>
    names.map((name, index) => ({
      id: `id-${name}`,
      name,
      fullName: name + suffix,
      ip: `192.168.2.5${index + 1}`,
      alive: true,
    }));
  const consul = names.map((name, index): ConsulView => {
    const ip = `192.168.2.5${index + 1}`;
    return {
      id: `id-${name}`,
      name,
      ip,
      datacenter: "home",
      server: true,
      leader: "192.168.2.51:8300",
      members: members(""),
    };
  });
  const nomad = names.map(
    (name): NomadView => ({ id: `id-${name}`, leader: "192.168.2.52:4647", members: members(".global") }),
  );
  const raft = (leader: string) => names.map((name) => ({ name, voter: true, healthy: true, leader: name === leader }));
  const seen: Observation = {
    machines: names.map((_, index) => ({ consul: consul[index], nomad: nomad[index] })),
    consulRaft: raft("pi1"),
    nomadRaft: raft("pi2"),
    nomadNodes: names.map((name, index) => ({
      name,
      ip: `192.168.2.5${index + 1}`,
      datacenter: "home",
      status: "ready",
      eligible: true,
    })),
  };
  return { seen, consul, nomad };
}

import type { Knock } from "./probe.ts";
import type { TestStack } from "./stack.ts";

/** What a neighbour tries, and all that it may get: Consul's and Nomad's own way to say no, or nothing. */
export type Attempt = [what: string, knock: Knock, answer: RegExp];

const ip = "192.168.2.51";
const empty = /^(200 (\[\]|\{\}|null)|404)$/;
/** A closed port, also behind a tunnel. */
const refused = /^connection refused$|^ECONNREFUSED$|^closed$/;
const forbidden = /^403 /;
const closed = /^(closed|ECONNRESET)$/;

/** Of ports that are open to the machine's own programs only, and of what isn't TLS. */
export const inTheClear: readonly Attempt[] = [
  ["Consul's HTTP", { ip, port: 8500, http: { path: "/v1/agent/self" } }, refused],
  ["Consul's DNS", { ip, port: 8600, bytes: "00" }, refused],
  ["Consul's gRPC", { ip, port: 8502, bytes: "00" }, refused],
  ["Consul's HTTPS", { ip, port: 8501, http: { path: "/v1/agent/self" } }, /^400 /],
  ["Nomad's HTTPS", { ip, port: 4646, http: { path: "/v1/agent/self" } }, /^400 /],
  // The first byte says which protocol: Consul's RPC, Raft, snapshots.
  ...["00", "01", "05"].map(
    (kind): Attempt => [`Consul's RPC (${kind})`, { ip, port: 8300, bytes: rpc(kind) }, closed],
  ),
  ...["01", "02", "08"].map((kind): Attempt => [`Nomad's RPC (${kind})`, { ip, port: 4647, bytes: rpc(kind) }, closed]),
];

const group = { Name: "g", Tasks: [{ Name: "t", Driver: "raw_exec", Config: { command: "true" } }] };

/** A byte for the protocol, and the beginning of a MessagePack map. */
function rpc(kind: string): string {
  return `${kind}83a3536571`;
}

/** With the authority's certificate, which everybody may have, and with whatever token. */
export function byTls(ca: string, token?: string): Attempt[] {
  const consul = token === undefined ? {} : { headers: { "X-Consul-Token": token } };
  const nomad = token === undefined ? {} : { headers: { "X-Nomad-Token": token } };
  const ask = (agent: "Consul" | "Nomad", answer: RegExp, method: string, path: string, body?: string): Attempt => [
    `${agent}: ${method} ${path}`,
    {
      ip,
      port: agent === "Consul" ? 8501 : 4646,
      tls: { ca },
      http: { method, path, ...(agent === "Consul" ? consul : nomad), ...(body !== undefined && { body }) },
    },
    answer,
  ];
  // A token that nobody knows is refused even where nothing would be shown.
  const filtered = token === undefined ? empty : forbidden;
  const job = JSON.stringify({ Job: { ID: "theirs", Name: "theirs", Type: "batch", TaskGroups: [group] } });
  return [
    ask("Consul", forbidden, "GET", "/v1/agent/self"),
    ask("Consul", forbidden, "GET", "/v1/agent/metrics"),
    ask("Consul", forbidden, "GET", "/v1/operator/autopilot/health"),
    ask("Consul", forbidden, "GET", "/v1/operator/raft/configuration"),
    ask("Consul", forbidden, "GET", "/v1/snapshot"),
    ask("Consul", forbidden, "PUT", "/v1/kv/theirs", "1"),
    ask("Consul", forbidden, "PUT", "/v1/agent/service/register", '{"Name":"theirs","Port":1}'),
    ask("Consul", forbidden, "PUT", "/v1/agent/force-leave/pi2"),
    ask("Consul", forbidden, "PUT", "/v1/acl/bootstrap"),
    ask("Consul", forbidden, "GET", "/v1/acl/tokens"),
    ask("Consul", filtered, "GET", "/v1/kv/?keys"),
    ask("Consul", filtered, "GET", "/v1/catalog/services"),
    ask("Consul", filtered, "GET", "/v1/catalog/nodes"),
    ask("Consul", filtered, "GET", "/v1/agent/members"),
    ask("Consul", filtered, "GET", "/v1/health/state/any"),
    ask("Nomad", forbidden, "GET", "/v1/agent/self"),
    ask("Nomad", forbidden, "GET", "/v1/agent/members"),
    ask("Nomad", forbidden, "GET", "/v1/jobs"),
    ask("Nomad", forbidden, "GET", "/v1/nodes"),
    ask("Nomad", forbidden, "GET", "/v1/allocations"),
    ask("Nomad", forbidden, "GET", "/v1/operator/snapshot"),
    ask("Nomad", forbidden, "GET", "/v1/operator/keyring/keys"),
    ask("Nomad", forbidden, "PUT", "/v1/jobs", job),
    ask("Nomad", /^(400|403) /, "POST", "/v1/acl/bootstrap", "{}"),
    ask("Nomad", filtered, "GET", "/v1/vars"),
    ask("Nomad", filtered, "GET", "/v1/namespaces"),
  ];
}

const shut = /^(closed|ECONNRESET|.*(CERTIFICATE_REQUIRED|UNKNOWN_CA|ALERT).*)$/;

/** With a server's certificate: its own stack's, another one's, or none. */
export function asServer(ca: string, from?: TestStack, answer = shut): Attempt[] {
  const own = from && { cert: from.held.server.certificate, key: from.held.server.key };
  // Each port's byte for TLS, which comes first, in the clear, and its byte for RPC, which comes inside.
  const ports = [
    { port: 8300, before: "03", inside: "00", servername: "server.home.consul" },
    { port: 4647, before: "04", inside: "01", servername: "server.global.nomad" },
  ];
  return ports.map(({ port, before, inside, servername }): Attempt => {
    const knock = { ip, port, before, tls: { ca, servername, ...own }, bytes: rpc(inside) };
    return [`RPC at ${port}`, knock, answer];
  });
}

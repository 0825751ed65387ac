import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** What a server does with a connection once it has been asked for a path. */
export type Manner = (socket: Socket, path: string) => void;

/** Answers with this text, as a web server would. */
export const say =
  (body: string, status = "200 OK", headers: string[] = []): Manner =>
  (socket) =>
    socket.end(
      [
        `HTTP/1.1 ${status}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        "Connection: close",
        ...headers,
        "",
        body,
      ].join("\r\n"),
    );

export interface Strangers {
  /** Base URL of the one with that name. */
  url(name: string): string;
  /** Bytes that the one with that name got rid of. */
  sent(name: string): number;
  close(): Promise<void>;
}

/**
 * One plain TCP server that plays many others: the first part of the path says which. It is not on 127.0.0.1, where an agent is asked
 * two questions at a time.
 */
export async function startStrangers(manners: Record<string, Manner>): Promise<Strangers> {
  const sockets = new Set<Socket>();
  const sent = new Map<string, number>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let name = "";
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      sent.set(name, (sent.get(name) ?? 0) + socket.bytesWritten);
    });
    socket.once("data", (head) => {
      const [, who = "", path = ""] = /^[A-Z]+ \/([^/]+)(\/\S*)/.exec(head.toString("latin1")) ?? [];
      name = who;
      manners[who]?.(socket, path);
    });
  });
  server.listen(0, "127.0.0.2");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://127.0.0.2:${port}/${name}`,
    sent: (name) => sent.get(name) ?? 0,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

const servers = [{ Name: "pi1", Address: "127.0.0.1:8300", Voter: true, Healthy: true, Leader: true }];
const id = "c8bb16f1-f4a9-6f14-7b53-7b9a4b0f2a14";

/** What a Consul server tells, by path: all that the gate asks for. */
export const consulAnswers: Readonly<Record<string, unknown>> = {
  "/v1/agent/self": {
    Config: { NodeID: id, NodeName: "pi1", Datacenter: "home", Server: true },
    Member: { Addr: "127.0.0.1" },
  },
  "/v1/status/leader": "127.0.0.1:8300",
  "/v1/agent/members": [{ Name: "pi1", Addr: "127.0.0.1", Status: 1, Tags: { id, role: "consul" } }],
  "/v1/operator/autopilot/health": { Healthy: true, Servers: servers },
};

/** What a Nomad server and client tells. */
export const nomadAnswers: Readonly<Record<string, unknown>> = {
  "/v1/agent/self": {
    config: { Server: { Enabled: true } },
    member: { Tags: { id } },
    stats: { client: { node_id: id } },
  },
  "/v1/status/leader": "127.0.0.1:4647",
  "/v1/agent/members": { Members: [{ Name: "pi1.global", Addr: "127.0.0.1", Status: "alive", Tags: { id } }] },
  "/v1/operator/autopilot/health": { Healthy: true, Servers: servers.map((one) => ({ ...one, Name: "pi1.global" })) },
  "/v1/nodes": [
    { Name: "pi1", Address: "127.0.0.1", Datacenter: "home", Status: "ready", SchedulingEligibility: "eligible" },
  ],
  "/v1/jobs": [{ ID: "page", ParentID: "", Status: "running" }],
  "/v1/client/stats": { DiskStats: [{ Mountpoint: "/data", Size: 1000, Available: 500 }] },
};

/** Tells, for each path, the text that `spoil` makes of the right answer. */
export const agent =
  (answers: Readonly<Record<string, unknown>>, spoil = (text: string, _path: string) => text): Manner =>
  (socket, path) =>
    say(spoil(JSON.stringify(answers[withoutQuery(path)] ?? null), path))(socket, path);

export const withoutQuery = (path: string): string => path.split("?", 1)[0] ?? path;

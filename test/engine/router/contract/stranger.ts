import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { makeCertificate } from "./server.ts";

/** Somebody else at the router's address: answers each handshake with a certificate of its own, and listens. */
export interface Stranger {
  url: string;
  /** How many connections there were. */
  connections(): number;
  /** All that it was told after the handshakes, once nobody is connected any more. */
  heard(): Promise<string>;
  close(): Promise<void>;
}

export async function startStranger(): Promise<Stranger> {
  const told: Buffer[] = [];
  let connections = 0;
  const open = new Set<Promise<unknown>>();
  const server = createServer(await makeCertificate());
  server.on("connection", (socket: Socket) => {
    connections++;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    open.add(closed);
    closed.then(() => open.delete(closed));
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.on("data", (part: Buffer) => told.push(part));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async heard() {
      await Promise.all(open);
      return Buffer.concat(told).toString("latin1");
    },
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import { makeCertificate } from "./server.ts";

/** Somebody else at the router's address: answers each handshake with a certificate of its own, and listens. */
interface Stranger {
  url: string;
  /** How many connections there were. */
  connections(): number;
  /** All that it was told after the handshakes, once nobody is connected any more. */
  heard(): Promise<string>;
  close(): Promise<void>;
}

async function startStranger(): Promise<Stranger> {
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

/** Lets a stranger answer for the router; `ask` must be refused, each time, with that text, and the stranger hear nothing. */
export async function hearsNothing(
  settings: RouterSettings,
  ask: (settings: RouterSettings, says: RegExp) => Promise<void>,
): Promise<void> {
  const stranger = await startStranger();
  try {
    for (const [fingerprint, says] of [
      ["00".repeat(32), /another certificate/],
      [undefined, /no authority vouches for/],
    ] as const) {
      const before = stranger.connections();
      await ask({ ...settings, url: stranger.url, fingerprint } as RouterSettings, says);
      assert.equal(await stranger.heard(), "");
      assert.ok(stranger.connections() > before, "was not asked");
    }
  } finally {
    await stranger.close();
  }
}

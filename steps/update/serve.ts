import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { UserError } from "../../lib/errors.ts";
import type { WantedUpdate } from "./contract.ts";

/** Where a machine gets a file from this computer. */
export interface Served {
  address: string;
  port: number;
  path: string;
  bytes: number;
}

type Serving = Pick<WantedUpdate, "ip" | "access" | "server" | "address" | "port">;

/**
 * Serves a file to the stack's machines while `work` runs, and to nobody else: who asks shows a certificate of the stack's
 * authority, and knows the path, which can't be guessed.
 * @throws UserError if the port is taken
 */
export async function serving<T>(
  file: string,
  path: string,
  { ip, access, server: { certificate, key }, address, port = 0 }: Serving,
  work: (served: Served) => Promise<T>,
): Promise<T> {
  const { size: bytes } = await stat(file);
  const tls = { cert: certificate, key, ca: access.ca, requestCert: true, rejectUnauthorized: true } as const;
  const server = createServer(tls, async (request, response) => {
    if (request.method !== "GET" || request.url !== `/${path}`) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes });
    // Who breaks off tries again, or says so in Consul.
    await pipeline(createReadStream(file), response).catch(() => {});
  });
  await listen(server, port);
  try {
    const from = { address: address ?? (await addressTowards(ip)), port: (server.address() as AddressInfo).port };
    return await work({ ...from, path, bytes });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new UserError(
      `The port ${port} of this computer, at which machines are to get their update, is not free (${(error as Error).message}). Set another one: updates.port`,
    );
  }
}

/** This computer's own address towards another; nothing is sent. */
export async function addressTowards(ip: string): Promise<string> {
  const socket = createSocket("udp4");
  try {
    socket.connect(9, ip);
    await once(socket, "connect");
    return socket.address().address;
  } finally {
    socket.close();
  }
}

import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createProxyServer } from "httpxy";

/** An agent's pages, and what signs in there. */
export interface Target {
  /** Base URL of the agent. */
  url: string;
  /** Where its pages begin. */
  start: string;
  /** PEM of the authority that its certificate must be of. */
  ca: string;
  /** The header that carries the token, and the token. */
  header: string;
  token: string;
}

export interface Page {
  /** Opens the page, signed in; whoever has it is signed in, too. */
  link: string;
  close(): void;
}

/**
 * An agent's pages on 127.0.0.1. Only a browser that was given the link is signed in: other users of this computer, and
 * pages of other sites in the same browser, are refused.
 */
export async function openPage({ url, start, ca, header, token }: Target): Promise<Page> {
  const secret = randomBytes(24).toString("base64url");
  const proxy = createProxyServer({ target: { ...partsOf(url), ca }, changeOrigin: true, secure: true, ws: true });
  proxy.on("error", (error, _request, response) => refuse(response, 502, `${error.message}\n`));
  const server = createServer((request, response) => {
    const guard = guardOf(server, secret);
    if (guard.isLink(request)) return signIn(response, start, guard.cookie, secret);
    if (!guard.mayPass(request)) return refuse(response, 403, "Open the link that ./piinit ui has printed.\n");
    void proxy.web(asOwner(request, url, header, token), response).catch(() => {});
  });
  // Nomad's terminal in the browser.
  server.on("upgrade", (request, socket: Socket, head) => {
    if (!guardOf(server, secret).mayPass(request)) return socket.destroy();
    void proxy.ws(asOwner(request, url, header, token), socket, {}, head).catch(() => socket.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    link: `http://${hostOf(server)}/open?key=${secret}`,
    close() {
      server.closeAllConnections();
      server.close();
      proxy.close();
    },
  };
}

function partsOf(url: string) {
  const { protocol, hostname, port } = new URL(url);
  return { protocol, hostname, host: hostname, port };
}

const hostOf = (server: Server) => `127.0.0.1:${(server.address() as AddressInfo).port}`;

function guardOf(server: Server, secret: string) {
  const host = hostOf(server);
  // Cookies are for all ports of a host, so each page has a name of its own.
  const cookie = `piinit-${host.split(":")[1]}`;
  const isSecret = (text: string | null | undefined) =>
    text?.length === secret.length && timingSafeEqual(Buffer.from(text), Buffer.from(secret));
  // A name of another site that leads here, and a page of another site, are not the page itself.
  const isOwn = ({ headers }: IncomingMessage) =>
    headers.host === host && (headers.origin === undefined || headers.origin === `http://${host}`);
  return {
    cookie,
    isLink(request: IncomingMessage): boolean {
      const { pathname, searchParams } = new URL(request.url ?? "/", `http://${host}`);
      return isOwn(request) && pathname === "/open" && Boolean(isSecret(searchParams.get("key")));
    },
    mayPass(request: IncomingMessage): boolean {
      const value = new RegExp(`(?:^|; )${cookie}=([^;]+)`).exec(request.headers.cookie ?? "")?.[1];
      return isOwn(request) && Boolean(isSecret(value));
    },
  };
}

function signIn(response: ServerResponse, start: string, cookie: string, secret: string): void {
  const attributes = "Path=/; HttpOnly; SameSite=Strict";
  response.writeHead(302, { location: start, "set-cookie": `${cookie}=${secret}; ${attributes}` }).end();
}

/** The request with the owner's token, unless the page has one of its own: somebody has signed in as another. */
function asOwner(request: IncomingMessage, url: string, header: string, token: string): IncomingMessage {
  const { headers } = request;
  delete headers.cookie;
  delete headers.referer;
  if (headers.origin !== undefined) headers.origin = new URL(url).origin;
  headers[header.toLowerCase()] ||= token;
  return request;
}

function refuse(response: ServerResponse | Socket | undefined, status: number, text: string): void {
  if (response && "writeHead" in response && !response.headersSent) response.writeHead(status).end(text);
  else response?.destroy();
}

import type { ClientRequestArgs } from "node:http";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { UserError } from "../../../lib/errors.ts";

type CreateConnection = NonNullable<ClientRequestArgs["createConnection"]>;

/**
 * Makes TLS connections to the router of that URL and hands them out only when its certificate has the given SHA-256
 * fingerprint or, without one, is vouched for by an authority that Node.js knows: nothing is sent to anything else.
 */
export function checkedConnection(url: string, fingerprint: string | undefined, signal: AbortSignal): CreateConnection {
  const { origin } = new URL(url);
  return connection(url, signal, (socket) => certificateFault(origin, socket, fingerprint));
}

export interface SeenCertificate {
  /** SHA-256, as "AA:BB:…". */
  fingerprint: string | undefined;
  /** By an authority that Node.js knows. */
  isVouchedFor: boolean;
}

/** Makes TLS connections to whatever answers there, for questions that have no secrets in them; `see` is told who it is. */
export function uncheckedConnection(
  url: string,
  see: (certificate: SeenCertificate) => void,
  signal: AbortSignal,
): CreateConnection {
  return connection(url, signal, (socket) => {
    see({ fingerprint: socket.getPeerX509Certificate()?.fingerprint256, isVouchedFor: socket.authorized });
    return undefined;
  });
}

function connection(
  url: string,
  signal: AbortSignal,
  judge: (socket: TLSSocket) => UserError | undefined,
): CreateConnection {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return (_options, done) => {
    const socket = connect({
      host,
      port: Number(port || 443),
      ...(!isIP(host) && { servername: host }),
      // Otherwise a certificate that is refused could not be shown.
      rejectUnauthorized: false,
    });
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
    socket.once("error", (error) => done(error, socket));
    socket.once("secureConnect", () => {
      const fault = judge(socket);
      if (fault) socket.destroy();
      done(fault ?? null, socket);
    });
    return undefined;
  };
}

function certificateFault(origin: string, socket: TLSSocket, wanted: string | undefined): UserError | undefined {
  const seen = socket.getPeerX509Certificate()?.fingerprint256;
  if (seen === undefined) return new UserError(`${origin} shows no certificate, so nothing was sent to it`);
  if (wanted !== undefined) return plain(seen) === plain(wanted) ? undefined : new UserError(otherOne(origin, seen));
  return socket.authorized ? undefined : new UserError(unknown(origin, seen, String(socket.authorizationError)));
}

/** "AA:BB:…", "aa bb …" and "aabb…" are the same. */
const plain = (fingerprint: string) => fingerprint.replace(/[^0-9a-f]/gi, "").toLowerCase();

const otherOne = (origin: string, seen: string) =>
  [
    `${origin} has another certificate than the stack's \`fingerprint\` setting says, so nothing was sent to it. Its own is`,
    `  ${seen}`,
    "If the router has a new certificate, compare that with what the router itself shows, and put it into the stack's file.",
  ].join("\n");

const unknown = (origin: string, seen: string, why: string) =>
  [
    `${origin} has a certificate that no authority vouches for (${why}), so nothing was sent to it.`,
    "If the router itself shows the same SHA-256 fingerprint, put this line into the stack's file, below `router`:",
    `  fingerprint: ${seen}`,
  ].join("\n");

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, connect, createServer, type TlsOptions } from "node:tls";
import type { Certified } from "../../../steps/security/contract.ts";
import { makeStack, type Stack } from "./stack.ts";

/** What a server says to whom it trusts; rejects if one side doesn't trust the other. */
async function greeting(ofServer: TlsOptions, ofClient: ConnectionOptions): Promise<string> {
  const server = createServer({ ...ofServer, requestCert: true, rejectUnauthorized: true }, (socket) =>
    socket.on("error", () => {}).end("welcome"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ ...ofClient, host: "127.0.0.1", port });
  try {
    return await new Promise((resolve, reject) => {
      server.on("tlsClientError", reject);
      socket.on("error", reject).on("data", (data) => resolve(data.toString()));
      socket.on("close", () => reject(new Error("hang up")));
    });
  } finally {
    socket.destroy();
    server.close();
  }
}

describe("two machines of a stack", () => {
  let home: Stack;
  let other: Stack;
  const own = ({ certificate, key }: Certified) => ({ cert: certificate, key });
  const servername = "server.home.consul";

  before(async () => {
    [home, other] = await Promise.all([makeStack(), makeStack()]);
  });

  /** A machine of the home asks one that says that it is a server. */
  const ask = (server: Certified, client: Certified, name?: string) =>
    greeting(
      { ...own(server), ca: home.authority.certificate },
      { ...own(client), ca: home.authority.certificate, ...(name && { servername: name }) },
    );

  it("trust each other, a server by its name and everybody by the address", async () => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const ca = home.authority.certificate;
      const client = { ...own(home.client), ca, servername, minVersion: version, maxVersion: version };
      assert.equal(await greeting({ ...own(home.server), ca }, client), "welcome");
    }
    assert.equal(await ask(home.client, home.server), "welcome");
  });

  it("don't take a client for a server", async () => {
    await assert.rejects(ask(home.client, home.server, servername), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("don't know the authority of another stack, on either side", async () => {
    await assert.rejects(ask(other.server, home.client, servername), {
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
    const server = { ...own(home.server), ca: home.authority.certificate };
    const stranger = { ...own(other.client), ca: home.authority.certificate, servername };
    // Node's server doesn't say why.
    await assert.rejects(greeting(server, stranger), /ECONNRESET|hang up/);
  });

  it("don't let anybody in without a certificate", async () => {
    const server = { ...own(home.server), ca: home.authority.certificate };
    await assert.rejects(
      greeting(server, { ca: home.authority.certificate, servername }),
      /did not return a certificate|certificate required/,
    );
  });
});

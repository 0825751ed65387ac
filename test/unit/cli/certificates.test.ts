import assert from "node:assert/strict";
import { endingCertificates } from "../../../cli/stack/certificates.ts";
import { authorityFor } from "../../../steps/security/authority.ts";
import { certify } from "../../../steps/security/certificate.ts";

describe("a stack's certificates", () => {
  it("are told of in the year before the first of them ends, and after that", async () => {
    const authority = await authorityFor({ domain: "home.arpa", cidr: "192.168.2.0/24", generation: 1 });
    const subject = { commonName: "server", names: ["localhost"], addresses: ["127.0.0.1"] };
    const step = (verb: string, input: object, answer: object) => ({
      urn: `urn:${verb}`,
      type: "command:local:Command",
      inputs: { create: `node steps/security/main.ts ${verb}`, stdin: JSON.stringify(input) },
      outputs: { stdout: JSON.stringify(answer) },
    });
    const request = { authority, ...subject };
    const resources = [
      step("authority", { domain: "home.arpa", cidr: "192.168.2.0/24", generation: 1 }, authority),
      step("certificate", request, await certify(request)),
    ];
    const toldAt = (year: number, month: number) =>
      endingCertificates({ deployment: { resources } }, "lab", Date.UTC(year, month)).map(
        ({ problem, action }) => `${problem}: ${action}`,
      );
    assert.deepEqual(toldAt(2038, 11), []);
    const told = ["the machines' certificates end on 2040-01-01: make new ones by ./piinit rotate lab"];
    assert.deepEqual(toldAt(2039, 1), told);
    assert.deepEqual(toldAt(2041, 1), told);
    assert.deepEqual(endingCertificates({ deployment: {} }, "lab"), []);
  });
});

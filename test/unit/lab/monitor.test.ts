import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { fileOf } from "../../../steps/lab/folder.ts";
import { withMonitor } from "../../../steps/lab/monitor.ts";

describe("what speaks at QEMU's monitor", () => {
  let dir: string;
  let server: Server;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), "piinit-monitor-"));
  });
  afterEach(async () => {
    server.close();
    await rm(dir, { recursive: true });
  });

  for (const [what, text] of Object.entries({
    "no JSON": "HELLO\n",
    null: "null\n",
    "an error of another shape": '{"error":"no"}\n',
    nothing: "",
  })) {
    it(`is refused in one sentence when it is ${what}`, async () => {
      server = createServer((socket) => socket.on("error", () => {}).end(text)).listen(fileOf(dir, "pi1", "monitor"));
      await once(server, "listening");
      const talk = withMonitor(dir, "pi1", (monitor) => monitor.execute("query-status"));
      await assert.rejects(
        talk,
        (error: Error) => error instanceof UserError || /has closed its monitor/.test(error.message),
      );
    });
  }
});

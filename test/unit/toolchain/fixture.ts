import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { versions } from "../../../toolchain/versions.ts";
import { type Publisher, script, startPublisher } from "./publisher.ts";
import { makeScratch, recorder, type Scratch } from "./scratch.ts";

export const nowhere = { PATH: "" };
export const consul = script(versions.consul);
export const foreign = hostPlatform().architecture === "amd64" ? "arm64" : "amd64";

/** Stands for Go: writes down how it was called, and a program that tells the right version. */
export const fakeGo = (log: string) => `#!/bin/sh
PATH=/usr/bin:/bin
[ "$1" = version ] && echo "go version go1.26.8 linux/amd64" && exit
[ -f go.mod ] && [ -f go.sum ] || exit 9
echo "go: downloading example.org/a v1.0.0" >&2
{ echo "$@"; env; } > '${log}'
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v${versions.consul}\\n' > "$2" && chmod +x "$2"
`;

/** What each test of getting a tool has: a cache, a publisher and a listener of its own. */
export function toolFixture() {
  const at = {
    getConsul: (environment: Record<string, string> = nowhere) =>
      getTool("consul", { progress: at.progress, publisher: at.publisher, environment }),
  } as {
    scratch: Scratch;
    publisher: Publisher;
    progress: ReturnType<typeof recorder>;
    getConsul(environment?: Record<string, string>): ReturnType<typeof getTool>;
  };
  beforeEach(async () => {
    at.scratch = await makeScratch();
    at.publisher = await startPublisher();
    at.progress = recorder();
  });
  afterEach(async () => {
    await at.publisher.close();
    await at.scratch.remove();
  });
  return at;
}

/** Waits for a UserError that holds all of the texts. */
export const refusal = (attempt: Promise<unknown>, ...texts: (string | RegExp)[]) =>
  assert.rejects(attempt, (error) => {
    assert.ok(error instanceof UserError, String(error));
    for (const text of texts) assert.match(error.message, typeof text === "string" ? new RegExp(text) : text);
    return true;
  });

import assert from "node:assert/strict";
import type { Asker } from "../../../cli/init/asking.ts";
import { askForRouter, type RouterOptions } from "../../../cli/init/router.ts";

describe("init, for a Kea that it has not recognised", () => {
  /** Somebody who presses Enter at each question, where that is an answer. */
  const answersOf = async (options: RouterOptions) => {
    const asker: Asker = {
      isTerminal: true,
      tell: () => undefined,
      lack: () => undefined,
      finish: () => undefined,
      line: async () => "",
      async ask({ text, given, initial }) {
        assert.ok((given ?? initial) !== undefined, text);
        return given ?? initial ?? "";
      },
    };
    const { settings, secrets } = await askForRouter(
      { router: "http://127.0.0.1:1", routerKind: "kea", network: "127.0.0.0/24", ...options },
      asker,
    );
    return { settings, secrets };
  };

  it("takes SSH where no address is given for HTTP, and no password then", async () => {
    assert.deepEqual(await answersOf({ routerSet: { persist: "true" } }), {
      settings: { kind: "kea", host: "127.0.0.1", persist: true },
      secrets: [],
    });
    assert.deepEqual(await answersOf({ routerSet: { persist: "false", host: "10.0.0.1", socket: "/run/kea4" } }), {
      settings: { kind: "kea", host: "10.0.0.1", socket: "/run/kea4", persist: false },
      secrets: [],
    });
  });

  it("takes HTTP where its address is given", async () => {
    const url = "https://127.0.0.1:8000";
    assert.deepEqual(
      await answersOf({ routerSet: { persist: "true", url, user: "admin" }, routerSecret: { password: "x" } }),
      {
        settings: { kind: "kea", url, user: "admin", persist: true },
        secrets: [{ path: "network.router.password", value: "x" }],
      },
    );
  });
});

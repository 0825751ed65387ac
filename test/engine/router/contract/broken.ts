import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Bench } from "../bench.ts";

/** What can be wrong with the settings of a router that is asked over HTTPS with a secret. */
export const brokenWebSettings = (
  settingsWith: (change: object) => RouterSettings,
  wrongSecret: RegExp,
  secret = "password",
): Bench["broken"] => [
  { what: secret, settings: settingsWith({ [secret]: "wrong" }), says: wrongSecret },
  { what: "other certificate", settings: settingsWith({ fingerprint: "00".repeat(32) }), says: /another certificate/ },
  { what: "no fingerprint", settings: settingsWith({ fingerprint: undefined }), says: /fingerprint: (?:\w\w:){31}/ },
  { what: "no server", settings: settingsWith({ url: "https://127.0.0.1:1" }), says: /connection refused/ },
];

/** What Pulumi starts in its runner: index.ts, compiled. */
import { load } from "./start/load.mjs";

export default { ...(await load("index.ts")) };

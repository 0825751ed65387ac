import { main } from "../../../lib/program.ts";
import { getTool } from "../../../toolchain/tools.ts";

// A process of its own, for the tests that interrupt one: its arguments are the base address and PATH.
await main({
  fetch: (_input, { progress, signal }) =>
    getTool("consul", { progress, signal, baseUrl: process.argv[3], environment: { PATH: process.argv[4] } }),
});

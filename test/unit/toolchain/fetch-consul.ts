import { main } from "../../../lib/program.ts";
import { getTool } from "../../../toolchain/tools.ts";

// A process of its own, for the tests that interrupt one: its arguments are the publisher as JSON, and PATH.
const [, , , publisher = "", PATH = ""] = process.argv;
await main({
  fetch: (_input, { progress, signal }) =>
    getTool("consul", { progress, signal, publisher: JSON.parse(publisher), environment: { PATH } }),
});

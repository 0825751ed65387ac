import { conformance } from "../conformance.ts";
import { overHttp, overSsh } from "./benches.ts";
import { flavours, startKeaOrSkip } from "./home.ts";

for (const flavour of flavours) {
  conformance(`${flavour.title} over HTTP`, async (context) => overHttp(await startKeaOrSkip(context, flavour)));
  conformance(`${flavour.title} over SSH`, async (context) => overSsh(await startKeaOrSkip(context, flavour)));
}

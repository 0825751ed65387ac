import { conformance } from "../conformance.ts";
import { benchOf } from "./bench.ts";
import { startOpenwrtOrSkip } from "./home.ts";

conformance("OpenWrt's uci and dnsmasq over SSH", async (context) => benchOf(await startOpenwrtOrSkip(context)));

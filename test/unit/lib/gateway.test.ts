import assert from "node:assert/strict";
import { gatewayIn } from "../../../lib/gateway.ts";

const title = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

describe("the default gateway in Linux's table of routes", () => {
  it("is that of the route to anywhere, the one with the lowest metric", () => {
    const table = [
      "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0",
      "eth0\t00000000\tFE02A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
      "eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0",
    ];
    assert.equal(gatewayIn(`${title}${table.join("\n")}\n`), "192.168.2.254");
    assert.equal(gatewayIn(`${title}${table[0]}\n`), "192.168.2.1");
  });

  it("is missing where there is none", () => {
    const local = "eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0";
    const tunnel = "wg0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0";
    for (const table of ["", title, `${title}${local}\n${tunnel}\n`]) assert.equal(gatewayIn(table), undefined);
  });
});

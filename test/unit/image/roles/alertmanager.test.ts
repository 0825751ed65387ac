import assert from "node:assert/strict";
import { parse } from "yaml";
import { alertmanager } from "../../../../steps/image/roles/alertmanager.ts";
import { fileOf, imageWith, textOf } from "./fixture.ts";

const ntfy = { url: "https://ntfy.sh/topic" };
const options = (more: object = {}) => alertmanager.schema.parse({ ntfy, ...more });
const imageOf = (more: object = {}) => imageWith({ prometheus: true, alertmanager: options(more) });
const configOf = (more: object = {}) => parse(textOf(imageOf(more), "/etc/prometheus/alertmanager.yml"));

describe("the role alertmanager", () => {
  it("keeps what opens the receivers for itself", () => {
    const { mode, owner } = fileOf(imageOf(), "/etc/prometheus/alertmanager.yml");
    assert.deepEqual([mode, owner], ["0600", "prometheus"]);
    const others = imageOf().files.filter(
      ({ path, text }) => text.includes("ntfy.sh") && !path.endsWith("alertmanager.yml"),
    );
    assert.deepEqual(others, []);
  });

  it("is reached by the Prometheus of its machine alone", () => {
    const dropIn = textOf(imageOf(), "/etc/systemd/system/prometheus-alertmanager.service.d/piinit.conf");
    assert.match(dropIn, / --web\.listen-address=127\.0\.0\.1:9093 --cluster\.listen-address=\n/);
    assert.deepEqual(parse(textOf(imageOf(), "/etc/prometheus/alertmanagers.yml")), [{ targets: ["127.0.0.1:9093"] }]);
    const { alerting } = parse(textOf(imageOf(), "/etc/prometheus/prometheus.yml"));
    assert.deepEqual(alerting.alertmanagers[0].file_sd_configs[0].files, ["/etc/prometheus/alertmanagers.yml"]);
  });

  it("has ntfy make a message of Alertmanager's JSON", () => {
    const [{ url }] = configOf().receivers[0].webhook_configs;
    const { origin, pathname, searchParams } = new URL(url);
    assert.deepEqual([origin + pathname, searchParams.get("tpl")], [ntfy.url, "1"]);
    assert.match(searchParams.get("m") ?? "", /\{\{ range \.alerts \}\}.*\.annotations\.summary/);
  });

  it("lets warnings wait in quiet hours, and those over midnight are two parts", () => {
    const { route, time_intervals } = configOf({ quiet: { from: "22:30", to: "07:00", zone: "Europe/Berlin" } });
    assert.deepEqual(route.routes[1], { matchers: ['severity="warning"'], mute_time_intervals: ["quiet"] });
    assert.deepEqual(time_intervals[0].time_intervals, [
      {
        times: [
          { start_time: "22:30", end_time: "24:00" },
          { start_time: "00:00", end_time: "07:00" },
        ],
        location: "Europe/Berlin",
      },
    ]);
    const midnight = configOf({ quiet: { from: "22:30", to: "00:00", zone: "UTC" } });
    assert.equal(midnight.time_intervals[0].time_intervals[0].times.length, 1);
  });

  it("tells nobody of the heartbeat, unless somebody waits for it", () => {
    assert.equal(configOf().route.routes[0].receiver, "nobody");
    const { route, receivers } = configOf({ heartbeat: "https://hc-ping.com/x" });
    assert.equal(route.routes[0].receiver, "heartbeat");
    assert.equal(receivers.at(-1).webhook_configs[0].url, "https://hc-ping.com/x");
  });

  for (const [what, bad, says] of [
    ["nobody to tell", { ntfy: undefined }, /must have one of ntfy, telegram, /],
    ["a time that is none", { quiet: { from: "24:30", to: "07:00", zone: "UTC" } }, /must be a time such as/],
    ["a zone that is none", { quiet: { from: "22:00", to: "07:00", zone: "Berlin" } }, /must be a time zone such as/],
    ["another kind of URL", { ntfy: { url: "ntfy.sh/topic" } }, /must be an http:\/\/ or https:\/\/ URL/],
    ["a server without its port", { email: { server: "example.org" } }, /must be HOST:PORT/],
  ] as const)
    it(`refuses ${what}`, () => {
      const { error } = alertmanager.schema.safeParse({ ...{ ntfy }, ...bad });
      assert.match(error?.issues.map(({ message }) => message).join("\n") ?? "", says);
    });
});

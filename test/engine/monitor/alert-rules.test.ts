import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { imageWith, textOf } from "../../unit/image/roles/fixture.ts";
import { whyNoDebianRoot } from "../debian-root.ts";
import { contextFor, makeStack } from "../security/stack.ts";
import { ofAgents } from "./agent-alerts.ts";
import type { Case } from "./alert-case.ts";
import { certificatesEnd, ofMachines } from "./machine-alerts.ts";
import { monitorRoot } from "./monitor.ts";

interface Rule {
  alert: string;
  annotations: { summary: string; help: string };
}

const cases = [...ofMachines, ...ofAgents];

/** The certificates' end: the beginning of 2040. */
const ends = `vector(${Date.UTC(2040, 0) / 1000})`;

/** By Prometheus' own test of rules, in its own time. */
describe("the alerts", function () {
  this.timeout("3m");
  const dir = mkdtempSync(path.join(tmpdir(), "piinit-alerts-"));
  let promtool: string[];
  let rules: Rule[];

  before(async function () {
    if (await whyNoDebianRoot()) return this.skip();
    promtool = (await monitorRoot()).start("usr/bin/promtool");
    const { held, gossipKeys } = await makeStack();
    const image = imageWith({ prometheus: true }, { context: contextFor(held.server, gossipKeys) });
    const text = textOf(image, "/etc/prometheus/alerts.yml").replace(ends, `vector(${certificatesEnd})`);
    writeFileSync(path.join(dir, "alerts.yml"), text);
    rules = (parse(text) as { groups: [{ rules: Rule[] }] }).groups[0].rules;
  });
  after(() => rmSync(dir, { recursive: true }));

  const ask = async (...args: string[]) => {
    const [program = "", ...first] = promtool;
    const { all, exitCode } = await execa(program, [...first, ...args], { all: true, reject: false, cwd: dir });
    assert.equal(exitCode, 0, all);
  };
  const ruleOf = (alert: string) => rules.find((one) => one.alert === alert) ?? assert.fail(`no alert ${alert}`);

  /** A test as promtool reads it. */
  const testOf = ({ alert, series, minutes, fires }: Omit<Case, "not">) => ({
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [
      {
        eval_time: `${minutes}m`,
        alertname: alert,
        exp_alerts: fires.map(({ labels, says }) => ({
          exp_labels: labels,
          exp_annotations: { summary: says, help: ruleOf(alert).annotations.help },
        })),
      },
    ],
  });

  const check = async (one: Omit<Case, "not">) => {
    const test = { rule_files: ["alerts.yml"], evaluation_interval: "1m", tests: [testOf(one)] };
    writeFileSync(path.join(dir, "test.yml"), stringify(test));
    await ask("test", "rules", "test.yml");
  };

  it("are rules as Prometheus reads them, and each is tested below", async () => {
    await ask("check", "rules", "alerts.yml");
    assert.deepEqual([...new Set(cases.map(({ alert }) => alert))].sort(), rules.map(({ alert }) => alert).sort());
  });

  for (const { not, ...one } of cases) {
    const { alert } = one;
    it(`${alert} ${one.fires.length > 0 ? "comes" : "does not come"} ${one.title}`, () => check(one));
    for (const [title, series] of Object.entries(not))
      it(`${alert} does not come ${title}`, () => check({ ...one, series, fires: [] }));
  }
});

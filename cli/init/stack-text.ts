import { stringify } from "yaml";
import { machineText, type NewMachine } from "../discover/found.ts";

/** All that `init` has found out, without secrets. */
export interface NewStack {
  cidr: string;
  router: Readonly<Record<string, unknown>>;
  builder: string | undefined;
  machines: readonly NewMachine[];
  boards: Readonly<Record<string, string>>;
  wifi: { ssid: string; country: string } | undefined;
}

/** The text of a new stack's file, with comments for whoever changes it later. */
export function stackText({ cidr, router, builder, machines, boards, wifi }: NewStack): string {
  const lines = [
    "# yaml-language-server: $schema=schema.json",
    "# Made by ./piinit init; git leaves this file alone. docs/settings.md has every setting.",
    "config:",
    "  piinit:network:",
    `    cidr: ${cidr}`,
    `    # ${routerComment(String(router.kind))}`,
    "    router:",
    ...Object.entries(router).map(([key, value]) => `      ${key}: ${flow(value)}`),
    "  # Images are built on this computer, a Linux, or on another one over SSH (docs/builder.md).",
    builder === undefined ? "  # piinit:builder: {ssh: you@nuc}" : `  piinit:builder: ${flow({ ssh: builder })}`,
    "  # One image for each kind of machine; docs/roles.md has all roles.",
    "  piinit:images:",
    ...Object.entries(boards).flatMap(([name, board]) => imageLines(name, board, wifi)),
    "  # `./piinit discover` adds more. An odd number of servers, three or five, survives best.",
    "  piinit:machines:",
    ...machines.map((machine) => `    - ${machineText(machine)}`),
    "  # Consul's keys. The job page shows this one on a page of its own.",
    "  piinit:kv:",
    "    page/text: Hello from the cluster",
    "  # Nomad's jobs, from their files.",
    "  piinit:jobs:",
    "    page: {file: jobs/page.nomad.hcl}",
    "  # How long `up` waits for new machines.",
    "  piinit:wait: 20m",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

const routerComment = (kind: string) =>
  kind === "manual"
    ? "You type the reservations into your router; `up` shows them. Others it writes itself (docs/hardware.md)."
    : `It reserves the machines' addresses: docs/routers/${kind}.md has its settings.`;

function imageLines(name: string, board: string, wifi: NewStack["wifi"]): string[] {
  const isServer = name === "server";
  return [
    `    ${name}:`,
    `      board: ${board}`,
    "      roles:",
    `        consul: ${isServer ? "server" : "client"}`,
    `        nomad: ${isServer ? "both" : "client"}`,
    "        node-exporter: true",
    ...(wifi ? [`        wifi: ${flow(wifi)}`] : []),
    '        # To log in over SSH, give your public keys: ssh: {keys: ["ssh-ed25519 AAAA... you@laptop"]}',
  ];
}

/** On one line, as YAML 1.1, which Pulumi reads: there an unquoted country NO is a boolean. */
const flow = (value: unknown): string =>
  stringify(value, { version: "1.1", collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: false }).trim();

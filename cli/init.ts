import { type Command, Option } from "commander";
import { parse } from "yaml";
import { UserError } from "../lib/errors.ts";
import { routerKinds } from "../steps/router/catalogue.ts";
import { openAsker } from "./init/asking.ts";
import { askForImages, type ImageOptions } from "./init/images.ts";
import { askForAll } from "./init/machines.ts";
import { askForRouter, type RouterOptions } from "./init/router.ts";
import { stackText } from "./init/stack-text.ts";
import { checkSettings, createStack, refuseName, type Secret } from "./stack/new-stack.ts";

type Options = RouterOptions & ImageOptions & { machine?: string[] };

/** Makes a new stack: finds out what it can, asks for the rest, and writes a commented file. */
export function define(command: Command): void {
  command
    .argument("[stack]", "the stack to create", "home")
    .option("--router <address>", "the router's address or URL; otherwise the default gateway")
    .addOption(
      new Option("--router-kind <kind>", "otherwise piinit looks at how the router answers").choices(routerKinds),
    )
    .option("--router-set <key=value>", "a setting of the router, such as user=admin; repeat for each", pair)
    .option("--router-secret <key=file>", "a secret one, in a file, such as password=FILE; repeat for each", pair)
    .option("--network <cidr>", "the home network; otherwise this computer's")
    .option(
      "--machine <name=mac,ip>",
      "a machine, optionally with its image after another comma; repeat for each",
      list,
    )
    .option("--board <board>", "the machines' board, or IMAGE=BOARD; repeat for each image", list)
    .option("--wifi <ssid>", "the Wi-Fi that the machines use")
    .option("--country <code>", "the country of the Wi-Fi as two capital letters")
    .option("--wifi-passphrase <file>", "a file with the passphrase of the Wi-Fi")
    .option("--builder <user@host>", "a Linux computer that builds the images; otherwise this one")
    .addHelpText(
      "after",
      "\nAsks on a terminal for what no option says. Passwords are never shown, nor stored in clear text.",
    )
    .action(init);
}

const list = (value: string, before: string[] = []) => [...before, value];

function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, key, value] = /^([A-Za-z]+)=(.+)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new UserError(`${text} must be KEY=VALUE, such as user=admin`);
  return { ...before, [key]: value };
}

async function init(name: string, options: Options): Promise<void> {
  refuseName(name, "./piinit init NAME");
  const asker = openAsker(name);
  const router = await askForRouter(options, asker);
  const machines = await askForAll(options.machine ?? [], router, asker);
  const { boards, wifi, builder } = await askForImages(options, machines, asker);
  asker.finish();

  const secrets: Secret[] = [
    ...router.secrets,
    ...(wifi ? Object.keys(boards) : []).map((image) => ({
      path: `images.${image}.roles.wifi.passphrase`,
      value: wifi?.passphrase ?? "",
    })),
  ];
  const text = stackText({
    cidr: router.cidr,
    router: router.settings,
    builder,
    machines,
    boards,
    wifi: wifi && { ssid: wifi.ssid, country: wifi.country },
  });
  checkSettings(settingsIn(text), secrets, name);
  await createStack(name, text, secrets);
  process.stdout.write(
    [
      `Wrote stacks/Pulumi.${name}.yaml: ${machines.map((machine) => machine.name).join(", ")}.`,
      "Next, for each machine a card:",
      ...Object.keys(boards).map((image) => `  ./piinit burn ${image} ${name}`),
      "",
    ].join("\n"),
  );
}

function settingsIn(text: string): Record<string, unknown> {
  const { config } = parse(text, { version: "1.1" }) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("piinit:", ""), value]));
}

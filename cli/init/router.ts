import type { Shape } from "../../components/schema/json-schema.ts";
import { routerShape, typedAs } from "../../components/schema/router-shape.ts";
import { settingFault } from "../../components/settings.ts";
import { UserError } from "../../lib/errors.ts";
import { defaultGateway, networkWith } from "../../lib/gateway.ts";
import { isCidr } from "../../lib/network.ts";
import { interrupted } from "../../lib/terminal.ts";
import { anyOf, folded } from "../../lib/words.ts";
import { routerKinds } from "../../steps/router/catalogue.ts";
import { type Recognised, recogniseRouter } from "../../steps/router/recognise.ts";
import type { Secret } from "../stack/new-stack.ts";
import type { Asker } from "./asking.ts";

/** What the options say of the router. */
export interface RouterOptions {
  router?: string;
  routerKind?: string;
  routerSet?: Readonly<Record<string, string>>;
  routerSecret?: Readonly<Record<string, string>>;
  network?: string;
}

export interface RouterAnswers {
  cidr: string;
  /** The router's own address, if it is one: no machine may have it. */
  address: string;
  /** Without its secrets. */
  settings: Record<string, unknown>;
  secrets: Secret[];
}

/** Finds the router, recognises it, and asks for what a login needs. */
export async function askForRouter(options: RouterOptions, asker: Asker): Promise<RouterAnswers> {
  const gateway = options.router ?? (await defaultGateway());
  const target = await asker.ask({
    text: "The address of your router, such as 192.168.2.1",
    flag: "--router ADDRESS",
    given: gateway,
    check: (answer) => (/^(https?:\/\/)?[\w.:[\]-]+\/?$/.test(answer) ? undefined : "must be an address or a name"),
  });
  const address = target.replace(/^https?:\/\//, "").replace(/[:/][\d/]*$/, "");
  const kind = await askForKind(target, options, asker);
  const answers = await askForSettings(kind, { address, url: urlOf(target) }, options, asker);
  const around = networkWith(address);
  const cidr = await asker.ask({
    text: "The home network",
    flag: "--network CIDR",
    given: options.network,
    initial: around,
    check: (answer) => (isCidr(answer) ? settingFault({ network: { cidr: answer } }, ["network", "cidr"]) : mustBeCidr),
  });
  return { cidr, address, ...answers };
}

const urlOf = (target: string) => (/^https?:/.test(target) ? target.replace(/\/+$/, "") : `https://${target}`);

/** Some kinds answer at a port of their own, which their example has. */
const withPort = (url: string, example: unknown) =>
  /:\d+$/.test(url) ? url : `${url}${/:\d+$/.exec(String(example))?.[0] ?? ""}`;

const mustBeCidr = "must be a network such as 192.168.2.0/24";

interface Kind {
  name: string;
  found: Recognised | undefined;
}

async function askForKind(target: string, { routerKind }: RouterOptions, asker: Asker): Promise<Kind> {
  const check = (answer: string) => (routerKinds.includes(answer) ? undefined : `must be ${anyOf(routerKinds)}`);
  if (routerKind === "manual" || !target) return { name: "manual", found: undefined };
  if (routerKind !== undefined && !routerShape(routerKind)?.properties?.url)
    return { name: routerKind, found: undefined };
  asker.tell([`Looking at the router, ${target} ...`]);
  const found = await recogniseRouter(target, interrupted);
  interrupted.throwIfAborted();
  const isDriven = found !== undefined && routerKinds.includes(found.kind);
  if (routerKind === undefined) asker.tell(introduction(found, isDriven));
  const name = await asker.ask({
    text: "Its kind",
    flag: "--router-kind KIND",
    given: routerKind,
    initial: isDriven ? found.kind : "manual",
    check,
  });
  return { name, found: found?.kind === name ? found : undefined };
}

const introduction = (found: Recognised | undefined, isDriven: boolean): string[] => [
  ...(found ? [`It answers like ${found.kind} (${found.url}).`] : ["It answers like none that piinit recognises."]),
  ...(isDriven
    ? [`What piinit does there, and what it needs: docs/routers/${found?.kind}.md`]
    : ["With `manual`, you type the machines' reservations into it yourself."]),
  ...folded(`Kinds: ${anyOf(routerKinds)}`, 78),
];

async function askForSettings(
  { name, found }: Kind,
  place: { address: string; url: string },
  options: RouterOptions,
  asker: Asker,
): Promise<{ settings: Record<string, unknown>; secrets: Secret[] }> {
  const settings: Record<string, unknown> = { kind: name };
  const secrets: Secret[] = [];
  const shape = routerShape(name);
  refuseUnknown(name, shape, options);
  for (const [key, part] of Object.entries(shape?.properties ?? {})) {
    if (key === "kind") continue;
    const isSecret = part.secret === "always";
    const isOther = isOfOtherWay(key, isSecret, settings, options);
    const given = isSecret
      ? options.routerSecret?.[key]
      : (options.routerSet?.[key] ?? (isOther ? undefined : known(key, place.address, found)));
    if (given === undefined && isOther) continue;
    const isRequired = shape?.required?.includes(key) ?? false;
    if (key === "fingerprint" && found?.fingerprint && given === undefined) {
      settings[key] = await askForFingerprint(found, asker);
      continue;
    }
    if (given === undefined && !isRequired && !isSecret && !["user", "url"].includes(key)) continue;
    if (given === undefined && part.default !== undefined) continue;
    const value = await asker.ask({
      text: `${sentence(part)}\n  ${key}${isSecret ? " (not shown)" : ""}${isRequired ? "" : "; Enter for none"}`,
      flag: isSecret ? `--router-secret ${key}=FILE` : `--router-set ${key}=VALUE`,
      given,
      isSecret,
      initial: !isRequired ? "" : key === "url" ? withPort(place.url, part.example) : undefined,
      check: (answer) =>
        settingFault({ network: { cidr: "10.0.0.0/24", router: { ...settings, [key]: typedAs(part, answer) } } }, [
          "network",
          "router",
          key,
        ]),
    });
    if (value === "") continue;
    if (isSecret) secrets.push({ path: `network.router.${key}`, value });
    else settings[key] = typedAs(part, value);
  }
  return { settings, secrets };
}

function refuseUnknown(
  kind: string,
  shape: Shape | undefined,
  { routerSet = {}, routerSecret = {} }: RouterOptions,
): void {
  const of = (wanted: boolean) =>
    Object.entries(shape?.properties ?? {}).flatMap(([key, part]) =>
      (part.secret === "always") === wanted && key !== "kind" ? [key] : [],
    );
  for (const [flag, given, keys] of [
    ["--router-set", routerSet, of(false)],
    ["--router-secret", routerSecret, of(true)],
  ] as const)
    for (const key of Object.keys(given))
      if (!keys.includes(key))
        throw new UserError(
          `${flag} ${key}: a router of the kind ${kind} has no such setting${keys.length > 0 ? `; it has ${anyOf(keys)}` : ""}`,
        );
}

/** Where a kind is reached either by a web address or over SSH, what only the other way needs. */
function isOfOtherWay(
  key: string,
  isSecret: boolean,
  settings: Readonly<Record<string, unknown>>,
  { routerSet }: RouterOptions,
): boolean {
  if (key === "url") return routerSet?.host !== undefined;
  if (key === "host") return settings.url !== undefined;
  return (isSecret || key === "fingerprint") && settings.url === undefined;
}

const known = (key: string, address: string, found: Recognised | undefined): string | undefined =>
  key === "host" ? address : key === "url" ? (found?.url ?? undefined) : undefined;

async function askForFingerprint({ fingerprint }: Recognised, asker: Asker): Promise<string | undefined> {
  asker.tell(["No authority vouches for its certificate, whose SHA-256 fingerprint is", `  ${fingerprint}`]);
  const answer = await asker.ask({
    text: "Is that what the router itself shows? yes or no",
    flag: `--router-set fingerprint=${fingerprint}`,
    check: (answer) => (/^(yes|no)$/i.test(answer) ? undefined : "must be yes or no"),
  });
  if (/^no$/i.test(answer)) throw new UserError("Then something else answers there. Nothing was sent to it.");
  return fingerprint;
}

const sentence = ({ description = "", example, secret }: Shape) => {
  const isTelling = example !== undefined && typeof example !== "boolean" && secret !== "always";
  return folded(`${description.replace(/\.$/, "")}${isTelling ? `, such as ${String(example)}` : ""}.`, 78).join("\n");
};

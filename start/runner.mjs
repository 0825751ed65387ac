/**
 * What Node loads before Pulumi's runner, see Pulumi.yaml. Pulumi's SDK loads TypeScript and npm's library to send functions elsewhere,
 * its own command line's interface, and a library for traces, which this program never needs. Here they are loaded when they
 * are used: that halves the time until index.mjs starts.
 */
import { readFileSync } from "node:fs";
import Module from "node:module";

/** @typedef {(request: string, parent: { filename?: string } | undefined, isMain: boolean) => any} Load */
const internals = /** @type {{ _load: Load }} */ (/** @type {unknown} */ (Module));
const load = internals._load;

/** @param {string} name */
const isRarelyUsed = (name) =>
  ["typescript", "@npmcli/arborist", "./automation"].includes(name) || /^@opentelemetry\/(?!api$)/.test(name);

/** Pulumi takes a stack trace for each property of each resource, shows none of them, and with this maps all of them to sources. */
const sourceMaps = "source-map-support/register";

/**
 * Stack traces name our sources once something has failed, and only ours: Pulumi's maps name paths on which Node's
 * colours for stack traces never end.
 * @param {() => { install(options: object): void }} support
 */
function nameSourcesOfFailures(support) {
  /** @param {string} file */
  const retrieveSourceMap = (file) =>
    file.includes("/node_modules/.cache/piinit/")
      ? { url: file, map: readFileSync(new URL(`${file}.map`), "utf8") }
      : null;
  const install = () => support().install({ overrideRetrieveSourceMap: true, retrieveSourceMap });
  for (const event of ["uncaughtException", "unhandledRejection"]) process.once(event, install);
}

/** @type {Load} */
const loadLater = (request, parent, isMain) => {
  const loaded = (name = request) => load.call(Module, name, parent, isMain);
  if (!parent?.filename?.includes("/@pulumi/pulumi/")) return loaded();
  if (request === sourceMaps) return nameSourcesOfFailures(() => loaded("source-map-support"));
  if (!isRarelyUsed(request)) return loaded();
  // Compiled TypeScript asks every module for this mark, and copies one that lacks it.
  return new Proxy({}, { get: (_, name) => name === "__esModule" || loaded()[name] });
};
internals._load = loadLater;

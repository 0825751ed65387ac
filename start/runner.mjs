/**
 * What Node loads before Pulumi's runner, see Pulumi.yaml. Pulumi's SDK loads TypeScript and npm's library to send functions elsewhere, and
 * a library for traces, which this program never needs. Here they are loaded when they are used: that halves the time until
 * index.mjs starts.
 */
import Module from "node:module";

/** @typedef {(request: string, parent: { filename?: string } | undefined, isMain: boolean) => any} Load */
const internals = /** @type {{ _load: Load }} */ (/** @type {unknown} */ (Module));
const load = internals._load;

/** @param {string} name */
const isRarelyUsed = (name) =>
  ["typescript", "@npmcli/arborist"].includes(name) || /^@opentelemetry\/(?!api$)/.test(name);

/** @type {Load} */
const loadLater = (request, parent, isMain) => {
  const loaded = () => load.call(Module, request, parent, isMain);
  if (!isRarelyUsed(request) || !parent?.filename?.includes("/@pulumi/pulumi/")) return loaded();
  // Compiled TypeScript asks every module for this mark, and copies one that lacks it.
  return new Proxy({}, { get: (_, name) => name === "__esModule" || loaded()[name] });
};
internals._load = loadLater;

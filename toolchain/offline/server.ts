import * as grpc from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";
import plugins from "@pulumi/pulumi/proto/plugin_pb.js";
import services from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { engineAddress, runPlugin, unary } from "./plugin.ts";
import {
  type Checked,
  type Context,
  doesNot,
  messageOf,
  PartialFailure,
  type Provider,
  type Resource,
  refuseOthers,
} from "./provider.ts";
import { changedProperties, type Properties, reveal } from "./values.ts";
import { asCheckResponse, asDiffResponse, asInitFailure, fromStruct, toStruct } from "./wire.ts";

/** What all requests about one resource have in common. */
interface ResourceRequest {
  getUrn(): string;
  getType(): string;
  getPreview?(): boolean;
}

/** Serves a provider to the engine that started this program. */
export function serve(provider: Provider): void {
  const stopped = new AbortController();
  const running = new Set<Promise<unknown>>();
  const log = engineLog();
  let settings: Record<string, string> = {};

  /** Runs one operation on a resource; `stop` waits for it. */
  async function operate<T>(
    target: ResourceRequest,
    operation: (resource: Resource, context: Context) => Promise<T>,
  ): Promise<T> {
    const context: Context = {
      settings,
      log: (line) => log.send(target.getUrn(), line),
      signal: stopped.signal,
      preview: target.getPreview?.() ?? false,
    };
    const work = operation(findResource(provider, target.getType()), context);
    running.add(work);
    try {
      return await work;
    } catch (error) {
      throw error instanceof PartialFailure ? asInitFailure(error) : error;
    } finally {
      await log.delivered();
      running.delete(work);
    }
  }

  const aboutProvider = {
    handshake: unary(() => new messages.ProviderHandshakeResponse().setAcceptSecrets(true)),
    getPluginInfo: unary(() => new plugins.PluginInfo().setVersion(provider.version)),
    getSchema: unary(() => {
      const { name, version } = provider;
      return new messages.GetSchemaResponse().setSchema(JSON.stringify({ name, version }));
    }),
    checkConfig: unary((request: Message<"CheckRequest">) =>
      asCheckResponse(checkSettings(provider, fromStruct(request.getNews()))),
    ),
    diffConfig: unary((request: Message<"DiffRequest">) => {
      const changed = changedProperties(fromStruct(request.getOldInputs()), fromStruct(request.getNews()));
      return asDiffResponse({ changed, replaced: [] });
    }),
    configure: unary((request: Message<"ConfigureRequest">) => {
      settings = asTexts(fromStruct(request.getArgs()));
      return new messages.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true);
    }),
    invoke: unary((request: Message<"InvokeRequest">) => {
      throw new Error(doesNot(provider.name, request.getTok()));
    }),
    cancel: unary(() => {
      stopped.abort();
      return new empty.Empty();
    }),
  };

  const aboutResources = {
    check: unary((request: Message<"CheckRequest">) =>
      asCheckResponse(findResource(provider, request.getType()).check(fromStruct(request.getNews()))),
    ),
    diff: unary((request: Message<"DiffRequest">) =>
      operate(request, async (resource, context) => {
        const inputs = fromStruct(request.getOldInputs());
        const stored = { id: request.getId(), inputs, outputs: fromStruct(request.getOlds()) };
        const diff = await resource.diff(stored, fromStruct(request.getNews()), context).catch((error: unknown) => {
          throw new Error(`diffing ${request.getUrn()}: ${messageOf(error)}`, { cause: error });
        });
        return asDiffResponse(diff);
      }),
    ),
    create: unary((request: Message<"CreateRequest">) =>
      operate(request, async (resource, context) => {
        const { id, outputs } = await resource.create(request.getName(), fromStruct(request.getProperties()), context);
        return new messages.CreateResponse().setId(id).setProperties(toStruct(outputs));
      }),
    ),
    update: unary((request: Message<"UpdateRequest">) =>
      operate(request, async (resource, context) => {
        const inputs = fromStruct(request.getOldInputs());
        const stored = { id: request.getId(), inputs, outputs: fromStruct(request.getOlds()) };
        const outputs = await resource.update(stored, fromStruct(request.getNews()), context);
        return new messages.UpdateResponse().setProperties(toStruct(outputs));
      }),
    ),
    read: unary((request: Message<"ReadRequest">) =>
      operate(request, async (resource, context) => {
        const inputs = fromStruct(request.getInputs());
        const stored = { id: request.getId(), inputs, outputs: fromStruct(request.getProperties()) };
        const found = await resource.read(stored, context);
        const response = new messages.ReadResponse();
        if (!found) return response;
        return response.setId(found.id).setProperties(toStruct(found.outputs)).setInputs(toStruct(found.inputs));
      }),
    ),
    delete: unary((request: Message<"DeleteRequest">) =>
      operate(request, async (resource, context) => {
        const inputs = fromStruct(request.getOldInputs());
        await resource.delete({ id: request.getId(), inputs, outputs: fromStruct(request.getProperties()) }, context);
        return new empty.Empty();
      }),
    ),
  };

  runPlugin({
    definition: services.ResourceProviderService,
    implementation: { ...aboutProvider, ...aboutResources },
    async stop() {
      stopped.abort();
      await Promise.allSettled(running);
    },
  });
}

type Message<Name extends keyof typeof messages> = (typeof messages)[Name] extends new () => infer T ? T : never;

function findResource(provider: Provider, type: string): Resource {
  const resource = provider.resources[type];
  if (!resource) throw new Error(doesNot(provider.name, type));
  return resource;
}

/** Checks the provider's own settings: no unknown names, none missing. Values that a preview doesn't know are accepted. */
function checkSettings(provider: Provider, inputs: Properties): Checked {
  const { required, optional } = provider.settings;
  const missing = required.filter((name) => !inputs[name]);
  const faults = [
    ...refuseOthers(provider.name, inputs, ["version", ...required, ...optional]),
    ...missing.map((property) => ({ property, reason: `the ${provider.name} provider needs \`${property}\`` })),
  ];
  return { inputs, faults };
}

function asTexts(settings: Properties): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(reveal(value))]));
}

/** Shows lines beside a resource, in order. As in the official plugins, each replaces the last, and none stays. */
function engineLog() {
  const client = new engineServices.EngineClient(engineAddress(), grpc.credentials.createInsecure());
  let last: Promise<unknown> = Promise.resolve();
  return {
    send(urn: string, line: string) {
      const request = new engine.LogRequest().setUrn(urn).setMessage(line).setEphemeral(true);
      request.setSeverity(engine.LogSeverity.INFO);
      last = last.then(() => new Promise((resolve) => client.log(request, resolve)));
    },
    /** Resolves once the engine has all lines; it is no error if the engine has ended. */
    delivered: () => last,
  };
}

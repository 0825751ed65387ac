import * as grpc from "@grpc/grpc-js";

/** Pulumi sends whole states in one message. */
const maxMessageBytes = 400 * 1024 * 1024;

export interface Plugin {
  definition: grpc.ServiceDefinition;
  implementation: grpc.UntypedServiceImplementation;
  /** Ends running operations. Called when the engine has ended, and on SIGINT and SIGTERM. */
  stop(): Promise<void>;
}

let signalled = false;

/** Sends SIGTERM to this plugin's process group: the programs that it has started, and theirs. */
export function terminateProcessGroup(): void {
  signalled = true;
  process.kill(-process.pid, "SIGTERM");
}

/** The address of the engine that started this plugin: "127.0.0.1:PORT". */
export function engineAddress(): string {
  const address = process.argv.at(-1);
  if (!address || !/^[\w.]+:\d+$/.test(address)) throw new Error("this program is started by Pulumi, not by hand");
  return address;
}

/**
 * Serves a plugin as the engine expects it: on a free local port, printed as the first line of standard output.
 * The engine keeps our standard input open, so the end of that input means that the engine has ended.
 */
export function runPlugin({ definition, implementation, stop }: Plugin): void {
  const shutDown = () => stop().finally(() => process.exit(0));
  process.on("SIGINT", shutDown);
  process.on("SIGTERM", () => signalled || shutDown());
  process.stdin.on("error", shutDown).on("end", shutDown).resume();
  const server = new grpc.Server({ "grpc.max_receive_message_length": maxMessageBytes });
  server.addService(definition, implementation);
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
}

/** Makes a gRPC method of an async function; what it throws becomes the call's error. */
export function unary<Request, Response>(
  handle: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, done) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => done(null, response),
        (error: unknown) => done(asServiceError(error)),
      );
  };
}

/** The gRPC error: the given one if it has gRPC metadata, otherwise "unknown" with its message. */
function asServiceError(error: unknown): Partial<grpc.ServiceError> {
  if (error instanceof Error && "metadata" in error) return error as grpc.ServiceError;
  const message = error instanceof Error ? error.message : String(error);
  return { code: grpc.status.UNKNOWN, details: message };
}

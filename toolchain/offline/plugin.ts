import * as grpc from "@grpc/grpc-js";

/** Pulumi sends whole states in one message. */
const maxMessageBytes = 400 * 1024 * 1024;

export interface Plugin {
  definition: grpc.ServiceDefinition;
  implementation: grpc.UntypedServiceImplementation;
  /** Ends what is running. Called when the engine is gone, and by an ordinary kill. */
  stop(): Promise<void>;
}

let signalled = false;

/** Sends SIGTERM to the programs that this plugin started, and to theirs: all that is in its process group. */
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
 * Serves a plugin as the engine expects it: on a free port of this host, told as the first line of standard output.
 * The engine holds our standard input open for as long as it lives, so its end is the engine's end.
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

/** A method of a gRPC service from an async function; what it throws becomes the call's error. */
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

/** An error that already says its gRPC code (and details), otherwise "unknown" with the error's message. */
function asServiceError(error: unknown): Partial<grpc.ServiceError> {
  if (error instanceof Error && "metadata" in error) return error as grpc.ServiceError;
  const message = error instanceof Error ? error.message : String(error);
  return { code: grpc.status.UNKNOWN, details: message };
}

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import services from "@pulumi/pulumi/proto/language_grpc_pb.js";
import messages, {
  type InstallDependenciesRequest,
  type InstallDependenciesResponse,
  type RunRequest,
} from "@pulumi/pulumi/proto/language_pb.js";
import plugins from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { versions } from "../versions.ts";
import { runnerArguments, splitWords } from "./node-arguments.ts";
import { engineAddress, runPlugin, unary } from "./plugin.ts";
import { fromStruct } from "./wire.ts";

/** The runner's exit code when the program has already reported its error. */
const exitAfterReport = 32;

type Installation = ServerWritableStream<InstallDependenciesRequest, InstallDependenciesResponse>;

const programs = new Set<ChildProcess>();

function endPrograms(): void {
  for (const program of programs) program.kill("SIGTERM");
}

function run(request: RunRequest) {
  const info = request.getInfo();
  const options = fromStruct(info?.getOptions());
  const programDir = info?.getProgramDirectory() || request.getPwd();
  const requireFromProgram = createRequire(path.join(programDir, "package.json"));
  const args = [
    ...splitWords(String(options.nodeargs ?? "")),
    requireFromProgram.resolve("@pulumi/pulumi/cmd/run"),
    ...runnerArguments({
      monitor: request.getMonitorAddress(),
      engine: engineAddress(),
      organization: request.getOrganization(),
      project: request.getProject(),
      "root-directory": info?.getRootDirectory(),
      stack: request.getStack(),
      pwd: request.getPwd(),
      parallel: String(request.getParallel()),
      "dry-run": request.getDryrun(),
    }),
    path.join(programDir, info?.getEntryPoint() || "."),
    ...request.getArgsList(),
  ];
  const env = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().getEntryList())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    // Pulumi's own TypeScript loader is the default, as with the official host.
    ...(options.typescript !== false && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
  };
  const program = spawn(process.execPath, args, {
    cwd: request.getPwd(),
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return awaitProgram(program);
}

function awaitProgram(program: ChildProcess): Promise<InstanceType<typeof messages.RunResponse>> {
  programs.add(program);
  return new Promise((resolve, reject) => {
    program.on("error", reject);
    program.on("exit", (code, signal) => {
      programs.delete(program);
      const response = new messages.RunResponse();
      if (code === exitAfterReport || signal === "SIGTERM") response.setBail(true);
      else if (signal) response.setError(`Program was ended by ${signal}`);
      else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
      resolve(response);
    });
  });
}

/** For `pulumi new` and `pulumi install`: the modules that package-lock.json names, unless there are some already. */
function installDependencies(call: Installation): void {
  const dir = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
  if (existsSync(path.join(dir, "node_modules"))) return void call.end();
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = spawn("npm", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  programs.add(npm);
  npm.stdout.on("data", (text) => call.write(new messages.InstallDependenciesResponse().setStdout(text)));
  npm.stderr.on("data", (text) => call.write(new messages.InstallDependenciesResponse().setStderr(text)));
  const fail = (details: string) => call.emit("error", { code: status.UNKNOWN, details });
  npm.on("error", ({ message }) => fail(`npm: ${message}`));
  npm.on("close", (code) => {
    programs.delete(npm);
    if (code === 0) call.end();
    else fail(`npm ci ended with exit code ${code}`);
  });
}

runPlugin({
  definition: services.LanguageRuntimeService,
  implementation: {
    handshake: unary(() => new messages.LanguageHandshakeResponse()),
    getPluginInfo: unary(() => new plugins.PluginInfo().setVersion(versions.pulumi)),
    getRequiredPlugins: unary(() => new messages.GetRequiredPluginsResponse()),
    getRequiredPackages: unary(() => new messages.GetRequiredPackagesResponse()),
    runtimeOptionsPrompts: unary(() => new messages.RuntimeOptionsResponse()),
    template: unary(() => new messages.TemplateResponse()),
    installDependencies,
    run: unary(run),
    cancel: unary(() => {
      endPrograms();
      return new empty.Empty();
    }),
  },
  async stop() {
    endPrograms();
  },
});

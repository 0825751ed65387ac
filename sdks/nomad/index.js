import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";

/** The plugin to use is of the package's own version; without it the engine would take any that it finds. */
const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

const secretSettings = ["headers", "httpAuth", "keyPem", "secretId"];
const textSettings = ["address", "caFile", "caPem", "certFile", "certPem", "httpAuth", "keyFile", "keyPem", "region"];
const otherSettings = ["authJwt", "headers", "ignoreEnvVars", "skipVerify"];

export class Provider extends pulumi.ProviderResource {
  static isInstance(value) {
    return value?.__pulumiType === `pulumi:providers:${Provider.__pulumiType}`;
  }

  constructor(name, args = {}, options = {}) {
    const inputs = {};
    for (const setting of [...textSettings, "secretId"]) inputs[setting] = args[setting];
    for (const setting of otherSettings) {
      // Settings of a provider are texts on the wire.
      if (args[setting] !== undefined) inputs[setting] = pulumi.output(args[setting]).apply(JSON.stringify);
    }
    for (const setting of secretSettings) {
      if (inputs[setting] !== undefined) inputs[setting] = pulumi.secret(inputs[setting]);
    }
    const ours = { version, additionalSecretOutputs: secretSettings };
    super(Provider.__pulumiType, name, inputs, pulumi.mergeOptions(ours, options));
  }
}
Provider.__pulumiType = "nomad";

const jobInputs = [
  "deregisterOnDestroy",
  "deregisterOnIdChange",
  "detach",
  "hcl2",
  "jobspec",
  "json",
  "policyOverride",
  "preserveCounts",
  "purgeOnDestroy",
  "readAllocationIds",
  "rerunIfDead",
];

const jobOutputs = [
  "allAtOnce",
  "allocationIds",
  "constraints",
  "createIndex",
  "datacenters",
  "deploymentId",
  "deploymentStatus",
  "modifyIndex",
  "name",
  "namespace",
  "parentId",
  "periodicConfigs",
  "priority",
  "region",
  "stable",
  "status",
  "statusDescription",
  "stop",
  "submitTime",
  "taskGroups",
  "type",
  "updateStrategies",
  "version",
];

export class Job extends pulumi.CustomResource {
  static get(name, id, state, options) {
    return new Job(name, state, { ...options, id });
  }

  static isInstance(value) {
    return value?.__pulumiType === Job.__pulumiType;
  }

  constructor(name, args, options = {}) {
    if (options.id === undefined && args?.jobspec === undefined) throw new Error("Missing required property 'jobspec'");
    const inputs = {};
    for (const input of jobInputs) inputs[input] = args?.[input];
    // A property that is only an output has to be named, or it would not be filled in; only `get` has values for it.
    for (const output of jobOutputs) inputs[output] = options.id === undefined ? undefined : args?.[output];
    super(Job.__pulumiType, name, inputs, pulumi.mergeOptions({ version }, options));
  }
}
Job.__pulumiType = "nomad:index/job:Job";

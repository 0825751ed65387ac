/** Converts between the engine's messages and the plain values of provider.ts. */
import * as grpc from "@grpc/grpc-js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import structs, { type JavaScriptValue, type Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import type { Checked, Diff, PartialFailure } from "./provider.ts";
import type { Properties } from "./values.ts";

export function fromStruct(struct: Struct | undefined): Properties {
  return (struct?.toJavaScript() ?? {}) as Properties;
}

/** Omits undefined properties, which a Struct can't represent. */
export function toStruct(properties: Properties): Struct {
  const present = Object.entries(properties).filter(([, value]) => value !== undefined);
  return structs.Struct.fromJavaScript(Object.fromEntries(present) as Record<string, JavaScriptValue>);
}

export function asCheckResponse({ inputs, faults }: Checked): InstanceType<typeof messages.CheckResponse> {
  const failures = faults.map(({ property, reason }) =>
    new messages.CheckFailure().setProperty(property).setReason(reason),
  );
  return new messages.CheckResponse().setInputs(toStruct(inputs)).setFailuresList(failures);
}

export function asDiffResponse({ changed, replaced }: Diff): InstanceType<typeof messages.DiffResponse> {
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  return new messages.DiffResponse()
    .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setDiffsList(changed)
    .setReplacesList(replaced);
}

/** The error that makes the engine keep a resource in its state and try again. */
export function asInitFailure(failure: PartialFailure): Error {
  const detail = new messages.ErrorResourceInitFailed()
    .setId(failure.id)
    .setProperties(toStruct(failure.outputs))
    .setReasonsList([failure.message]);
  const packed = new any.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const whole = new status.Status().setCode(grpc.status.UNKNOWN).setMessage(failure.message).setDetailsList([packed]);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(whole.serializeBinary()));
  return Object.assign(new Error(failure.message), { code: grpc.status.UNKNOWN, details: failure.message, metadata });
}
